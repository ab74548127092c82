"""Reads pages with the parser of the installed NomadNet and tells what a visitor would see: one JSON object per line, in
{"page": text} and out {"lines": [...]}, as readers.go describes. NomadNet itself is not started.
"""
import json
import os
import sys

import urwid
import urwid.display.raw

import nomadnet
import nomadnet.NomadNetworkApp
import nomadnet.ui.textui.MicronParser as parser


class Interface:
    """What the parser asks of a running program: where colours are made, and how many there are."""
    screen = urwid.display.raw.Screen()
    colormode = 256


class Program:
    config = {"textui": {"theme": "dark", "glyphs": "unicode", "colormode": 256}}
    ui = Interface()


class Browser:
    """What the parser asks of the browser that shows the page. A question that is not foreseen is an error, so that we learn of it."""
    g = {"image": "image ", "warning": "! "}

    def resolve_image(self, url):
        return None

    def request_image(self, *a, **k):
        return None


class Reader:
    def __init__(self):
        self.lines = []

    def line(self, widget):
        """Adds the line of a widget of the page."""
        kind, inner = "text", widget
        if isinstance(inner, urwid.AttrMap):
            inner = inner.original_widget
        if isinstance(inner, parser.CollapsibleHeading):
            runs = []
            for part in inner._segments:
                style, text = part if isinstance(part, tuple) else (None, part)
                runs.append(self.run(text, style))
            return self.add("heading", runs)
        if hasattr(inner, "partial_url"):
            return self.add("partial", [{"text": "", "link": {"url": inner.partial_url, "data": "|".join(inner.partial_fields or [])}}])
        if isinstance(inner, urwid.AttrMap):  # a heading has its own colours and no indent
            kind, inner = "heading", inner.original_widget
        if isinstance(inner, urwid.Padding):
            inner = inner.original_widget
        if isinstance(inner, urwid.Divider):
            return self.add("divider", [{"text": inner.div_char}])
        if type(inner).__name__ == "ImageWidget" or isinstance(inner, (urwid.Pile, urwid.WidgetWrap)) and not isinstance(inner, urwid.Text):
            return self.add("image", [])
        runs = []
        self.walk(inner, runs)
        self.add(kind, runs)

    def walk(self, widget, runs):
        if isinstance(widget, urwid.AttrMap):
            widget = widget.original_widget
        if isinstance(widget, urwid.Columns):
            for child, _ in widget.contents:
                self.walk(child, runs)
        elif isinstance(widget, urwid.RadioButton):
            runs.append(self.choice("radio", widget))
        elif isinstance(widget, urwid.CheckBox):
            runs.append(self.choice("checkbox", widget))
        elif isinstance(widget, parser.MicronField):
            runs.append({"text": "", "field": {"kind": "text", "name": widget.field_name, "value": widget.edit_text,
                                               "masked": getattr(widget, "_mask", None) is not None}})
        elif isinstance(widget, urwid.Text):
            text, styles = widget.get_text()
            at = 0
            for style, length in styles:
                runs.append(self.run(text[at:at + length], style))
                at += length
            if at < len(text):
                runs.append(self.run(text[at:], None))
        else:
            raise TypeError("a widget that is not foreseen: " + type(widget).__name__)

    def choice(self, kind, widget):
        return {"text": "", "field": {"kind": kind, "name": widget.field_name, "value": widget.field_value, "label": widget.label,
                                      "checked": bool(widget.state)}}

    def run(self, text, style):
        out = {"text": text}
        if isinstance(style, parser.LinkSpec):
            out["link"] = {"url": style.link_target, "data": "|".join(style.link_fields or [])}
            out["foreground"], out["background"] = style.foreground.split(",")[0], style.background
            out["bold"], out["underline"], out["italic"] = style.bold, style.underline, style.italics
        if isinstance(style, str) and style.startswith("micron_"):
            foreground, background, marks = style[len("micron_"):].split("_", 2)
            out["foreground"], out["background"] = foreground, background
            out["bold"], out["underline"], out["italic"] = ",bold" in marks, ",underline" in marks, ",italics" in marks
        return out

    def add(self, kind, runs):
        self.lines.append({"kind": kind, "runs": [r for r in runs if r["text"] or "link" in r or "field" in r]})


def main():
    # Not sys.stdout: what packages print must not get between our lines.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    sys.stdout = sys.stderr
    nomadnet.NomadNetworkApp._shared_instance = Program()
    for line in sys.stdin:
        reader = Reader()
        try:
            for widget in parser.markup_to_attrmaps(json.loads(line)["page"], url_delegate=Browser(), anchors={}):
                reader.line(widget)
            answer = {"lines": reader.lines}
        except Exception as e:
            answer = {"error": "%s: %s" % (type(e).__name__, e)}
        out.write(json.dumps(answer) + "\n")
        out.flush()


main()
