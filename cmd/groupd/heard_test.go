package main

import (
	"strings"
	"testing"

	"groupd/api/web"
)

func TestGroupsHeardAreATable(t *testing.T) {
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	var out strings.Builder
	showHeard(&out, web.Directory{Total: 5, Once: 2, Groups: []web.HeardGroup{
		{Address: a, Identity: a, Name: "Ridge", Visibility: "public", Join: "open", Hops: 2, Interface: "LoRa", SecondsAgo: 7300},
		{Address: b, Identity: b, Name: "R1dge", Visibility: "private", Join: "approve", Hops: 12, Interface: "TCP", SecondsAgo: 3, Alike: a},
	}}, "")
	want := `ADDRESS                          NAME                             KIND     JOIN    HOPS  HEARD    BY
` + a + ` Ridge                            public   open       2  2 h      LoRa
` + b + ` R1dge                            private  approve   12  now      TCP
                                 the name looks like another one's, who had it before
3 groups more: --limit
2 groups heard once so far
`
	if out.String() != want {
		t.Errorf("shown:\n%s\nwant:\n%s", out.String(), want)
	}
	out.Reset()
	showHeard(&out, web.Directory{}, "")
	if !strings.HasPrefix(out.String(), "No group of another server is listed.") {
		t.Errorf("shown: %s", out.String())
	}
	out.Reset()
	showHeard(&out, web.Directory{Once: 1}, "Ferry")
	if !strings.Contains(out.String(), `with "Ferry" in its name`) {
		t.Errorf("shown: %s", out.String())
	}
}
