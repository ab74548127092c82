// Reads pages with the parser that MeshChat uses and tells what a visitor would see: one JSON object per line, in {"page": text, "mono":
// bool} and out {"lines": [...], "strange": [...]}, as readers.go describes. The folder with the installed packages is the argument.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { createInterface } from "node:readline";
import path from "node:path";

const modules = path.resolve(process.argv[2]);
const { JSDOM } = createRequire(path.join(modules, "x.js"))("jsdom");
const { window } = new JSDOM("<!doctype html><body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: MicronParser } = await import(pathToFileURL(path.join(modules, "micron-parser/index.js")));

// What the parser is known to make. Anything else came out of a page that should not have had it.
const elements = new Set(["DIV", "SPAN", "A", "INPUT", "LABEL", "HR", "BR"]);
const attributes = new Set(["style", "class", "href", "title", "data-destination", "data-fields", "data-action", "type", "name", "value", "size", "checked"]);

function field(input) {
    const choice = input.type === "checkbox" || input.type === "radio";
    return {
        kind: choice ? input.type : "text", name: input.name, value: input.value, masked: input.type === "password",
        label: choice ? input.parentNode.textContent.trim() : "", checked: input.checked, size: choice ? 0 : input.size,
    };
}

function walk(node, style, line, strange) {
    if (node.nodeType === window.Node.TEXT_NODE) {
        if (node.data) line.runs.push({ text: node.data, ...style });
        return;
    }
    if (!elements.has(node.tagName)) strange.push(`<${node.tagName.toLowerCase()}>`);
    for (const { name, value } of node.attributes) {
        if (!attributes.has(name)) strange.push(`${name} of <${node.tagName.toLowerCase()}>`);
        if (name === "href" && /^\s*(javascript|data|vbscript):/i.test(value)) strange.push(`href ${value}`);
    }
    const own = { ...style };
    const s = node.style;
    if (s.color) own.foreground = s.color;
    if (s.backgroundColor) own.background = s.backgroundColor;
    if (s.fontWeight) own.bold = s.fontWeight === "bold";
    if (s.textDecoration || s.textDecorationLine) own.underline = /underline/.test(s.textDecoration + s.textDecorationLine);
    if (s.fontStyle) own.italic = s.fontStyle === "italic";
    if (/url|expression|position|content/i.test(node.getAttribute("style") || "")) strange.push(`style ${node.getAttribute("style")}`);
    switch (node.tagName) {
    case "HR":
        line.kind = "divider";
        line.runs.push({ text: "" });
        return;
    case "INPUT":
        line.runs.push({ text: "", ...own, field: field(node) });
        return;
    case "LABEL":
        if (node.querySelector("input")) {
            for (const child of node.children) walk(child, own, line, strange);
            return;
        }
        break;
    case "A": {
        const destination = node.getAttribute("data-destination");
        if (!node.classList.contains("Mu-nl") || destination === null) strange.push(`a link of another kind: ${node.outerHTML}`);
        const at = line.runs.length;
        for (const child of node.childNodes) walk(child, own, line, strange);
        const runs = line.runs.splice(at);
        line.runs.push({ text: runs.map((r) => r.text).join(""), ...own, link: { url: destination, data: node.getAttribute("data-fields") || "" } });
        return;
    }
    }
    for (const child of node.childNodes) walk(child, own, line, strange);
}

function read({ page, mono }) {
    const body = window.document.createElement("div");
    body.innerHTML = new MicronParser(true, Boolean(mono)).convertMicronToHtml(page);
    const lines = [], strange = [];
    for (const node of body.childNodes) {
        const line = { kind: "text", runs: [] };
        walk(node, {}, line, strange);
        if (node.nodeType === window.Node.ELEMENT_NODE) {
            if (node.style.display === "inline-block") line.kind = "heading";
            else if (node.style.whiteSpace === "nowrap") line.kind = "divider"; // a row of one character
        }
        lines.push(line);
    }
    return { lines, strange };
}

for await (const text of createInterface({ input: process.stdin })) {
    let answer;
    try {
        answer = read(JSON.parse(text));
    } catch (e) {
        answer = { error: String(e.stack || e) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
}
