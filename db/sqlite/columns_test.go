package sqlite

import (
	"slices"
	"testing"
)

// TestTheAgreedColumnsAreThere: what was asked for of the tables (docs/requirements.md, S4-39 to S4-43), where other programs may look for it. The rows
// of members, bans and messages name their group by the number of its row, which has the identity.
func TestTheAgreedColumnsAreThere(t *testing.T) {
	db := openTest(t, "")
	for table, agreed := range map[string][]string{
		"groups":                  {"identity_hash", "destination_hash", "public_display_name", "private_display_name", "identity_private_key", "created_at", "updated_at"},
		"group_members":           {"group_no", "member_identity_hash", "permissions", "created_at", "updated_at"},
		"group_banned_identities": {"group_no", "banned_identity_hash", "reason", "created_at"},
		"group_messages":          {"group_no", "author", "title", "content", "fields", "created_at"},
	} {
		var have []string
		err := db.view(t.Context(), func(c *conn) (err error) {
			have, err = list(c, func(r row) (name string, err error) { err = r.Scan(&name); return name, err }, "SELECT name FROM pragma_table_info(?)", table)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range agreed {
			if !slices.Contains(have, c) {
				t.Errorf("%s has no %s", table, c)
			}
		}
	}
}
