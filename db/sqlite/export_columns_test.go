package sqlite

import (
	"database/sql"
	"strings"
	"testing"
)

// exported says of each table, and of columns that differ from the others of theirs, how they come out of an export of a group
// (group/export_rows.go), or why they do not.
func exported() map[string]string {
	const (
		server  = "of the server, not of a group"
		network = "of the network's layers: what others announced is heard again, the group's own ratchets come out as ratchet lines"
		derived = "made anew from the other rows"
		number  = "joins the tables of this database"
	)
	return map[string]string{
		"groups": "group", "group_members": "member", "group_messages": "entry", "group_message_originals": "entry: original", "join_requests": "request",
		"group_banned_identities": "ban", "seen_ids": "seen", "audit_log": "audit", "reactions": "reaction", "reports": "report", "group_deliveries": "delivery", "invites": "invite",
		"attachments": "entry: attachments", "expected_members": "expected", "circles": "circle", "circle_invitees": "invitee", "epochs": "epoch",

		"settings": server + ": the generation is the new server's", "direct_invites": server, "invite_blocks": server, "removed_groups": server, "server_log": server,
		"outcomes":         "answers to requests, kept for a week: they may hold texts that were deleted since, and posts are known again by seen ids",
		"claim_codes":      "a secret of this machine: the new one makes another",
		"erasures":         "an export is refused while posts are being hidden or forgotten; of what is hidden nothing comes out",
		"hidden_messages":  "deleted for everybody: it never comes out",
		"hidden_reactions": "deleted for everybody: it never comes out",
		"attachment_blobs": derived, "attachment_totals": derived,
		"rns_own_ratchets": "ratchet, with the private key alone", "rns_last_announced": network, "lxmf_held": network, "lxmf_tickets": network, "lxmf_queued": network,
		"lxmf_nodes": network, "lxmf_collected": network, "heard_groups": server,

		"groups.no": number, "groups.destination_hash": derived, "groups.identity_private_key": "identity, when it is asked for", "groups.removed_at": "a group that is there has 0",
		"group_members.no": number, "group_members.skeleton": derived,
		"group_messages.no": number, "join_requests.destination_hash": derived,
		"attachments.author": derived, "attachments.place": "the order in the line", "attachments.held": "what is held does not come out",
		"attachments.lost": "content: missing",
		"epochs.key":       "a secret: the new server makes others",
	}
}

// columnsOut are the columns that come out, of the tables that do.
func columnsOut() map[string]string {
	return map[string]string{
		"groups": "id identity_hash identity_public_key public public_display_name private_display_name topic joining owner rev seen_key created_at updated_at head_seq head_rev " +
			"head_deletions head_chain head_oldest head_oldest_rev policy lockdown lockdown_until preset end_told ended_at creator",
		"group_members": "member_identity_hash member_destination_hash public_key ratchet present role permissions display_name status rev created_at updated_at left_at last_command " +
			"muted muted_until mute_reason joined_seq invited_by successor",
		"group_messages": "seq rev kind author target ref created_at author_time message_id codec title content fields signed salt digest hash deleted deleted_at deleted_by written " +
			"edited_by pinned reactions emergency restored attachments",
		"group_message_originals": "seq original", "join_requests": "identity_hash public_key ratchet display_name greeting created_at last_command",
		"group_banned_identities": "target banned_identity_hash banned_destination_hash display_name banned_by reason kick created_at expires_at",
		"seen_ids":                "id", "audit_log": "id created_at by action target detail", "reactions": "seq identity_hash text created_at",
		"reports": "id seq identity_hash reason created_at",
		"group_deliveries": "identity_hash mode digest_every quiet_from quiet_until utc_offset text_only mentions_only propagation receipts paused cursor state attempts due_at proved_at " +
			"spent spent_at moved paused_until",
		"invites": "id code by target role uses used created_at expires_at untold", "attachments": "seq kind name mode size hash at",
		"expected_members": "target display_name role mode text_only paused created_at", "circles": "until_at established_at",
		"circle_invitees": "who by state created_at expires_at answered_at", "epochs": "number reason seq rev created_at ends_at",
	}
}

// TestEveryColumnComesOutOfAnExportOrHasAReasonNotTo fails for a table or column that was added without a thought of exports.
func TestEveryColumnComesOutOfAnExportOrHasAReasonNotTo(t *testing.T) {
	db := openTest(t, "")
	known, out := exported(), columnsOut()
	seen := make(map[string]bool)
	raw, err := sql.Open("sqlite3", db.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	rows, err := raw.QueryContext(t.Context(), `SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'
		AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' AND m.name NOT LIKE '`+indexTable+`%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tables := make(map[string]map[string]bool)
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if tables[table] == nil {
			tables[table] = make(map[string]bool)
		}
		tables[table][column] = true
	}
	for table, columns := range tables {
		if known[table] == "" {
			t.Errorf("the table %s: does it belong in an export of a group? Say how, or why not, here", table)
		}
		seen[table] = true
		if out[table] == "" {
			continue
		}
		listed := make(map[string]bool)
		for _, column := range strings.Fields(out[table]) {
			if listed[column] = true; !columns[column] {
				t.Errorf("there is no %s.%s", table, column)
			}
		}
		for column := range columns {
			name := table + "." + column
			if seen[name] = true; !listed[column] && known[name] == "" && column != "group_no" {
				t.Errorf("the column %s: it must come out of an export (group/export_rows.go), or say here why not", name)
			}
		}
	}
	for name := range known {
		if !seen[name] {
			t.Errorf("there is no %s", name)
		}
	}
}
