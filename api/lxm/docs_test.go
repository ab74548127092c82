package lxm_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
)

const docsFile = "../../docs/commands.md"

// docsIntro stands above the table in docs/commands.md.
const docsIntro = `# Text commands

What a member does with nothing but a stock LXMF client (Sideband, MeshChat, NomadNet, Columba): he writes to the group's address.
This page is made by ` + "`go test ./api/lxm -run Docs -update`" + ` from the table of commands in ` + "`api/lxm/commands.go`" + `; the answers are what the program answered.

- A message that begins with ` + "`/`" + ` is a command; it is never posted, however it is mistyped. Case, ` + "`-`" + ` and ` + "`_`" + ` in the command's word do not matter,
  white space before it neither.
- Everything else that a member writes is posted. ` + "`//x`" + ` posts ` + "`/x`" + `. Pictures, files and voice go along, each up to the group's limit (4 MB unless set
  otherwise). Positions, telemetry, commands, tickets and custom fields (0x02, 0x03, 0x09, 0x0C, 0xFB to 0xFD) are left out. A message with nothing to
  show (an icon, a reaction, a position) is not posted.
- Whatever holds a live code, the owner's or an invite's, is not posted, and not used as a name, topic, greeting or reason.
- The server's own words begin with ※, which no post and no name may begin with. Each answer fits one opportunistic packet, stamp included (%d bytes
  of content); what is longer comes in pages, and the last line says how to ask for the next one: ` + "`(1/3) … More: /help 2`" + `. Answers to joining come at
  once in two or three messages.
- WHO is a name, the first digits (3 or more) of an address or identity, or all 32. A name of several words can be typed as it is; ` + "`\"quotes\"`" + ` help
  where it is not clear where it ends. Where several fit, they are listed. Durations: 30m, 2h, 7d, 1w, 1d12h.
- A post is named by its number, #35 or 35 (/search and /pins show them), or by answering it: a command that is sent in reply to a post means that post.
- A command runs once, and only if it is newer than the last one of the same member and did not come through a propagation node; else it is asked for
  again. Members get 30 commands at once, then one every 10 seconds.
- Strangers, and those who wait to join, have their commands answered 10 times a day, and all of them that come over one interface together 60 times
  an hour; what they write otherwise gets one hint a day. Those whose clients ask for a stamp of more than 8 bits get no answer: nobody outside makes
  the server work. The banned get their delivery proofs and nothing else.
- Everything the group sends carries the field 0xFB ` + "`\"groupd\"`" + `. A message with that field (or with another relay's ` + "`\"originator-identity\"`" + `) is proved,
  never posted and never answered.
- A delivery proof means that the decision is durable: what was accepted is proved after its commit, what was refused at once; what could not be
  stored is not proved, and the client tries again.

Who may do what is decided by role and permissions; ` + "`/help`" + ` lists what the asker may do. A moderator has delete, pin, kick, ban, mute, approve and
invite; admins and owners have all. Nobody acts on an equal or higher rank.

`

// examples are played in this order, in one group; every command has at least one line that begins with it.
const examples = `
eve> /help
eve> /info
eve> /join Eve I am Bo's sister
ann> /requests
ann> /approve Eve
eve> /who
eve> /who Bo
bo> the bridge is out
bo> take the ferry
eve> /me waves
eve> /history
eve> /history 1
eve> /status
eve> /status out on the ridge
eve> /nick Eve Lee
eve> /delete
eve> /delete 8
eve> /topic
ann> /topic Ferry times
ann> /groupname Ferry Club
ann> /role Bo moderator
bo> /kick Dot 2h flooding
bo> /unban dot
dot> /join Dot
ann> /approve Dot
fay> /join Fay
bo> /reject Fay we do not know you
bo> /ban 00112233445566778899aabbccddeeff spam elsewhere
bo> /bans
gus> /claim $CODE
eve> /join Eve
dot> /leave
dot> /leave yes
eve> /about
ann> /invite 3 2d
ann> /invite 00aa00bb00cc00dd00ee00ff00112233
ann> /invite list
ann> /invite revoke 1
eve> /invite block
ann> /invite 11aa11bb11cc11dd11ee11ff11223344
ann> /invite $ADDRESS:jan
jan> /decline
ann> /circle
ann> /establish
eve> the ferry is full
eve> /edit
eve> /edit 20 the ferry is full until noon
bo> /react 20 👍
bo> /pin 20
eve> /pins
gus> cheap ferries at www.example.com
eve> /since 9m
eve> /search ferry
eve> /report 22 advertising
bo> /reports
bo> /mute Eve Lee 1h a test
bo> /unmute Eve Lee
bo> /settle 22 it is harmless
bo> /unpin 20
eve> /relay on
eve> /digest 2h
eve> /quiet 22-07 +1
eve> /textonly on
eve> /mentions on
eve> /propagation on
eve> /receipts on
eve> /pause
eve> /pause 2d
eve> /resume
eve> /notify
eve> /notify off
ann> /settings
ann> /settings slow_mode
ann> /settings slow_mode 30s
ann> /settings member_posts 5/10m
ann> /lockdown on 2h
ann> /lockdown off
ann> /emergency the dam is rising
hal> /join Hal
bo> /approve Hal
hal> buy my antennas
bo> /ban Hal purge spam
bo> /ban Hal purge yes spam
bo> /unban Hal undo
iva> /join Iva
ann> /transfer Eve Lee Iva
ann> /audit
ann> /audit ban
iva> /forget
iva> /forget yes
`

func TestDocsSayWhatTheCommandsDo(t *testing.T) {
	var got string
	synctest.Test(t, func(t *testing.T) { got = docs(t) })
	want, err := os.ReadFile(docsFile)
	if err == nil && string(want) == got {
		return
	}
	if !update() {
		t.Fatalf("docs/commands.md is stale: go test ./api/lxm -run Docs -update (%v)\n%s", err, cmp.Diff(string(want), got))
	}
	if err := os.WriteFile(docsFile, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

func docs(t *testing.T) string {
	var out strings.Builder
	fmt.Fprintf(&out, docsIntro, lxm.MaxContent)
	list := lxm.CommandDocs()
	out.WriteString("| command | who | does |\n|---|---|---|\n")
	for _, d := range list {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", strings.ReplaceAll(d.Usage, "|", "\\|"), d.Who, d.Short)
	}
	out.WriteString("\nIn the examples Ann is the owner, and Bo and Dot are members, of the private group Valley Net, which strangers know as Hidden Valley.\n")
	played := playExamples(t)
	for _, d := range list {
		fmt.Fprintf(&out, "\n## %s\n\n", d.Usage)
		text := d.Long
		if text == "" {
			text = strings.ToUpper(d.Short[:1]) + d.Short[1:] + "."
		}
		fmt.Fprintf(&out, "Who: %s. %s\n", d.Who, text)
		if d.Aliases != "" {
			fmt.Fprintf(&out, "Also: `%s`.\n", d.Aliases)
		}
		if len(played[d.Name]) == 0 {
			t.Errorf("no example of /%s", d.Name)
		}
		fmt.Fprintf(&out, "\n```\n%s```\n", strings.Join(played[d.Name], ""))
	}
	out.WriteString("\n## Keys of /settings\n\n`default` sets a key back.\n\n| key | what | values |\n|---|---|---|\n")
	for _, k := range lxm.Settings() {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", k[0], k[1], k[2])
	}
	return out.String()
}

// playExamples returns the conversations by command.
func playExamples(t *testing.T) map[string][]string {
	h := newHouse(t)
	defer h.stop()
	h.joined("ann", moderation.RoleOwner)
	h.joined("bo", moderation.RoleMember)
	h.joined("dot", moderation.RoleMember)
	time.Sleep(2 * time.Hour) // Ann may have been told that they waited, and is told again after an hour only
	inviteCode := regexp.MustCompile(`/join [a-z-]+-[0-9]{5} NAME`)
	played := make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(examples)) {
		who, text, _ := strings.Cut(strings.TrimSpace(line), "> ")
		typed := text
		if strings.Contains(text, "$CODE") {
			code, err := h.hub.NewClaimCode(context.Background(), operator(), valley)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.ReplaceAll(text, "$CODE", code.Code)
			typed = strings.ReplaceAll(typed, "$CODE", "river-maple-stone-lamp-04172")
		}
		if _, name, ok := strings.Cut(text, "$ADDRESS:"); ok {
			address := lxmf.DeliveryHash(identity(t, name).PublicIdentity).String()
			text, typed = strings.ReplaceAll(text, "$ADDRESS:"+name, address), strings.ReplaceAll(typed, "$ADDRESS:"+name, address)
		}
		time.Sleep(time.Minute)
		l := h.says(who, text)
		for i, a := range l.answers { // codes differ with every change of the order of random numbers
			l.answers[i].content = inviteCode.ReplaceAllString(a.content, "/join river-maple-stone-lamp-acid-04172 NAME")
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s> %s\n", who, typed)
		write(&b, l.answers)
		if word, _ := lxm.Split(text); strings.HasPrefix(text, "/") {
			played[word] = append(played[word], b.String())
		}
	}
	if p, err := h.hub.Members(context.Background(), operator(), valley, group.MembersQuery{}); err != nil || p.Total < 3 {
		t.Errorf("the examples end with %d members, %v", p.Total, err)
	}
	return played
}
