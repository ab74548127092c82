package sqlite

import "groupd/group"

const listedColumns = "number, identity_hash, name, public, joining, join_cost, post_cost, hops, interface, next_hop, emitted_at, first_heard, last_heard, named_at"

func scanListed(r row) (l group.ListedGroup, err error) {
	err = r.Scan(&l.Number, fixed{l.Identity[:]}, &l.Name, &l.Public, &l.Joining, &l.JoinCost, &l.PostCost, &l.Hops, &l.Interface, fixed{l.NextHop[:]},
		moment{&l.Emitted}, moment{&l.First}, moment{&l.Last}, moment{&l.Named})
	return l, err
}

func (t tx) Listed(limit int) ([]group.ListedGroup, error) {
	return list(t.conn, scanListed, "SELECT "+listedColumns+" FROM heard_groups WHERE number > 0 ORDER BY number LIMIT ?1", limit)
}

func (t tx) PutListed(l group.ListedGroup) error {
	return t.exec("INSERT INTO heard_groups ("+listedColumns+`) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)
		ON CONFLICT (identity_hash) DO UPDATE SET number=?1, name=?3, public=?4, joining=?5, join_cost=?6, post_cost=?7, hops=?8, interface=?9,
		next_hop=?10, emitted_at=?11, first_heard=?12, last_heard=?13, named_at=?14`,
		l.Number, l.Identity[:], l.Name, l.Public, l.Joining, l.JoinCost, l.PostCost, l.Hops, l.Interface, fixed{l.NextHop[:]},
		micros(l.Emitted), micros(l.First), micros(l.Last), micros(l.Named))
}

func (t tx) DeleteListed(id group.IdentityHash) error {
	return t.exec("DELETE FROM heard_groups WHERE identity_hash = ?1", id[:])
}
