package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"groupd/bench/crowd"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
)

// A server with many groups. The first is the one that is flooded.
const (
	manyGroups = 50
	startsRun  = 5
	settled    = 10 * time.Second // after the start
	watched    = 8 * time.Second  // each flood, and the quiet before it
	askEvery   = 20 * time.Millisecond
	sendEvery  = 1100 * time.Millisecond // members may post once a second
)

// asking are the groups that people go on to use, each with one member who reads all the time, and some who post.
func asking() []int { return []int{1, 2, 25, 49} }

// posting is how many of a group post, each as often as members may.
const posting = 5

// membersOf and postsOf are how large the groups are.
func membersOf(n int) int {
	switch {
	case n == 0:
		return 1000
	case n < 3:
		return 100
	}
	return 20
}

func postsOf(n int) int {
	switch {
	case n == 0:
		return 20_000
	case n < 3:
		return 1000
	}
	return 100
}

// floods are the ways in which one group is flooded: those of bench/flood, and by the deletion of all that is in it, the last.
func floods() []string {
	return []string{"info", "history", "search", "members", "pages", "posts", "letters", "joins", "strangers", "deletion"}
}

// BenchmarkFiftyGroups is the built server with 50 groups, one of them large: how long it takes to start, its memory when idle, and how
// long members of other groups wait for answers (p95, read and send) while one group is flooded in different ways, by a process of its own
// with a low priority, and in the quiet just before. "machine" is how long a process that does nothing takes to answer at the same time.
func BenchmarkFiftyGroups(b *testing.B) {
	s := buildServer(b)
	b.Run("start", func(b *testing.B) {
		wall, cpu := s.starts(b)
		for b.Loop() {
		}
		b.ReportMetric(float64(wall[startsRun/2].Microseconds())/1e3, "ms")
		b.ReportMetric(float64(cpu[startsRun/2].Microseconds())/1e3, "cpu-ms")
		b.ReportMetric(0, "ns/op")
	})
	s.start(b)
	b.Run("idle", func(b *testing.B) {
		time.Sleep(settled)
		cpu := s.cpu(b)
		time.Sleep(settled)
		for b.Loop() {
		}
		b.ReportMetric(float64(s.memory(b))/(1<<20), "MiB")
		b.ReportMetric((s.cpu(b)-cpu).Seconds()/settled.Seconds()*1e3, "cpu-ms/s")
		b.ReportMetric(0, "ns/op")
	})
	users := s.users(b)
	for _, kind := range floods() {
		b.Run(kind, func(b *testing.B) {
			r := s.flooded(b, users, kind)
			for b.Loop() {
			}
			b.Log(r.done)
			b.ReportMetric(r.cpu.Seconds()/watched.Seconds(), "cpus")
			b.ReportMetric(float64(s.memory(b))/(1<<20), "MiB")
			for i, what := range []string{"read", "send", "machine"} {
				b.ReportMetric(milliseconds(r.quiet[i].p95()), what+"-quiet-ms")
				b.ReportMetric(milliseconds(r.flood[i].p95()), what+"-ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	s.stop(b)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// starts starts the server several times: how long each took, and its processor time, the shortest first.
func (s *server) starts(tb testing.TB) (wall, cpu []time.Duration) {
	tb.Helper()
	for range startsRun {
		wall = append(wall, s.start(tb))
		cpu = append(cpu, s.cpu(tb))
		s.stop(tb)
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	return wall, cpu
}

// flooding is how others fared before and during a flood.
type flooding struct {
	quiet, flood [doings]waits
	cpu          time.Duration // of the server during the flood
	done         string        // what the flood got done
}

// flooded floods the first group for a while.
func (s *server) flooded(tb testing.TB, u *users, kind string) (r flooding) {
	tb.Helper()
	r.quiet = u.ask(tb, watched)
	end := s.flood(tb, kind)
	time.Sleep(time.Second)
	cpu := s.cpu(tb)
	r.flood = u.ask(tb, watched)
	r.cpu, r.done = s.cpu(tb)-cpu, end()
	return r
}

// server is the program as it ships, with a database of many groups.
type server struct {
	dir, binary, flooder string
	port                 int
	process              *exec.Cmd
	told                 *net.UnixConn
	log                  *os.File
}

func buildServer(tb testing.TB) *server {
	tb.Helper()
	s := &server{dir: tb.TempDir()}
	s.binary, s.flooder = filepath.Join(s.dir, "groupd"), filepath.Join(s.dir, "flood")
	for path, pkg := range map[string]string{s.binary: "groupd/cmd/groupd", s.flooder: "groupd/bench/flood"} {
		if out, err := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", path, pkg).CombinedOutput(); err != nil {
			tb.Fatalf("build: %v\n%s", err, out)
		}
	}
	data := filepath.Join(s.dir, "data")
	check(tb, os.Mkdir(data, 0o700))
	seedGroups(tb, filepath.Join(data, "groupd.db"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(tb, err)
	s.port = l.Addr().(*net.TCPAddr).Port
	check(tb, l.Close())
	check(tb, os.WriteFile(filepath.Join(s.dir, "config"), fmt.Appendf(nil, "[reticulum]\nshare_instance = no\n[interfaces]\n[[Here]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = 127.0.0.1\nlisten_port = %d\n", s.port), 0o600))
	s.told, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(s.dir, "n"), Net: "unixgram"})
	check(tb, err)
	s.log, err = os.Create(filepath.Join(s.dir, "log"))
	check(tb, err)
	tb.Cleanup(func() {
		s.told.Close()
		s.log.Close()
		if s.process != nil {
			s.process.Process.Kill()
			s.process.Wait()
		}
	})
	return s
}

// start starts it and returns how long it took until it said that it serves.
func (s *server) start(tb testing.TB) time.Duration {
	tb.Helper()
	s.process = exec.Command(s.binary, "run", "--data", filepath.Join(s.dir, "data"), "--rnsconfig", s.dir)
	s.process.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=" + filepath.Join(s.dir, "n")}
	s.process.Stdout, s.process.Stderr = s.log, s.log
	began := time.Now()
	check(tb, s.process.Start())
	check(tb, s.told.SetReadDeadline(began.Add(time.Minute)))
	for text := make([]byte, 4096); ; {
		n, err := s.told.Read(text)
		check(tb, err)
		if strings.Contains(string(text[:n]), "READY=1") {
			return time.Since(began)
		}
	}
}

func (s *server) stop(tb testing.TB) {
	tb.Helper()
	check(tb, s.process.Process.Signal(syscall.SIGTERM))
	check(tb, s.process.Wait())
	s.process = nil
}

// proc reads a file of the process.
func (s *server) proc(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.process.Process.Pid, name))
	check(tb, err)
	return string(text)
}

// memory is the resident memory in bytes.
func (s *server) memory(tb testing.TB) int64 {
	tb.Helper()
	_, rest, _ := strings.Cut(s.proc(tb, "status"), "VmRSS:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	check(tb, err)
	return n << 10
}

// cpu is the processor time so far.
func (s *server) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	const perSecond = 100 // USER_HZ
	_, rest, _ := strings.Cut(s.proc(tb, "stat"), ") ")
	var ticks int
	for _, f := range strings.Fields(rest)[11:13] {
		n, err := strconv.Atoi(f)
		check(tb, err)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / perSecond
}

// flood floods the first group until end is called, which tells what came of it.
func (s *server) flood(tb testing.TB, kind string) (end func() string) {
	tb.Helper()
	if kind == "deletion" { // of the large group, by the operator
		c := exec.Command(s.binary, "group", "delete", crowd.Group(0), "--yes", "--data", filepath.Join(s.dir, "data"))
		check(tb, c.Start())
		return func() string {
			check(tb, c.Wait())
			return "deleted"
		}
	}
	c := exec.Command("nice", "-n", "19", s.flooder, "-port", strconv.Itoa(s.port), "-kind", kind)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	check(tb, c.Start())
	return func() string {
		check(tb, c.Process.Signal(os.Interrupt))
		if err := c.Wait(); err != nil {
			tb.Errorf("flood: %v", err)
		}
		return strings.TrimSpace(out.String())
	}
}

// seedGroups makes the database.
func seedGroups(tb testing.TB, path string) {
	tb.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	check(tb, err)
	defer func() { check(tb, db.Close()) }()
	hub, err := group.New(group.Config{Store: db})
	check(tb, err)
	words := strings.Fields("hello everyone is anyone on the mesh tonight I think the node works again thanks good morning ok the antenna is up")
	r := rand.New(rand.NewPCG(1, 1))
	for n := range manyGroups {
		id := group.GroupID(crowd.Group(n))
		key := crowd.Identity(crowd.Group(n))
		_, err := hub.CreateGroup(ctx, group.Caller{Local: true}, group.NewGroup{
			ID: id, PublicKey: key.Public().PublicKey(), PrivateKey: key.PrivateKey(), Public: true, PublicName: "Group " + string(id), Joining: moderation.JoiningOpen,
		})
		check(tb, err)
		who := make([]group.IdentityHash, membersOf(n))
		check(tb, db.Update(ctx, func(tx group.Tx) error {
			head, err := tx.Head(id)
			if err != nil {
				return err
			}
			for i := range who {
				public := crowd.Identity(crowd.Member(n, i)).Public()
				who[i] = group.IdentityHash(public.Hash())
				name := fmt.Sprint("member ", i)
				head.Rev++
				if err := tx.PutMember(group.Member{Group: id, Identity: who[i], Address: group.AddressOf(who[i]), PublicKey: public.PublicKey(), Present: true,
					Role: moderation.RoleMember, DisplayName: name, Skeleton: group.Skeleton(name), Rev: head.Rev, Joined: time.Now()}); err != nil {
					return err
				}
			}
			for range postsOf(n) {
				var text []string
				for range 3 + r.IntN(10) {
					text = append(text, words[r.IntN(len(words))])
				}
				head.Rev++
				head.Seq++
				if err := tx.AppendEntry(group.Entry{Group: id, Seq: head.Seq, Rev: head.Rev, Written: head.Rev, Kind: group.EntryPost, Author: who[r.IntN(len(who))],
					Time: time.Now(), Text: []byte(strings.Join(text, " ")), Salt: make([]byte, 32)}, nil); err != nil {
					return err
				}
			}
			return tx.PutHead(id, head)
		}))
	}
}

// users are members of groups that are not flooded.
type users struct {
	lines map[int][]*crowd.Line
	echo  *echo
}

func (s *server) users(tb testing.TB) *users {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	node, err := crowd.Connect(s.port)
	check(tb, err)
	var life sync.WaitGroup
	life.Go(func() { _ = node.Run(ctx) })
	tb.Cleanup(func() { cancel(); life.Wait() })
	check(tb, node.Online(ctx))
	u := &users{make(map[int][]*crowd.Line), newEcho(tb)}
	for _, n := range asking() {
		for i := range posting {
			l, err := node.Line(ctx, n, crowd.Identity(crowd.Member(n, i)))
			check(tb, err)
			u.lines[n] = append(u.lines[n], l)
		}
	}
	return u
}

// waits is how long answers took.
type waits []time.Duration

// p95 is what only one in twenty exceeds.
func (w waits) p95() time.Duration {
	slices.Sort(w)
	if len(w) == 0 {
		return 0
	}
	return w[len(w)*95/100]
}

// echo is a process that does nothing but answer: how long that takes tells how busy the machine is with others.
type echo struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func newEcho(tb testing.TB) *echo {
	tb.Helper()
	c := exec.Command("cat")
	in, err := c.StdinPipe()
	check(tb, err)
	out, err := c.StdoutPipe()
	check(tb, err)
	check(tb, c.Start())
	tb.Cleanup(func() { in.Close(); c.Wait() })
	return &echo{in, bufio.NewReader(out)}
}

func (e *echo) ask() error {
	if _, err := io.WriteString(e.in, "x\n"); err != nil {
		return err
	}
	_, err := e.out.ReadString('\n')
	return err
}

// What the users do, and what tells about the machine.
const (
	reading = iota
	sending
	echoing
	doings
)

// ask has all users read and, as often as they may, post for a while.
func (u *users) ask(tb testing.TB, during time.Duration) (took [doings]waits) {
	tb.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	until := time.Now().Add(during)
	each := func(n, what int, every time.Duration, ask func(i int) (groupdv1.Code, error)) {
		wg.Go(func() {
			for i := 0; time.Now().Before(until); i++ {
				began := time.Now()
				code, err := ask(i)
				wait := time.Since(began)
				if err != nil || code != groupdv1.Code_OK {
					tb.Errorf("a member of %s is answered %v, %v", crowd.Group(n), code, err)
					return
				}
				mu.Lock()
				took[what] = append(took[what], wait)
				mu.Unlock()
				time.Sleep(every - min(wait, every))
			}
		})
	}
	each(0, echoing, askEvery, func(int) (groupdv1.Code, error) { return groupdv1.Code_OK, u.echo.ask() })
	ctx := context.Background()
	for n, lines := range u.lines {
		to := crowd.Identity(crowd.Group(n)).Hash()
		each(n, reading, askEvery, func(i int) (groupdv1.Code, error) {
			switch l := lines[0]; i % 4 {
			case 0:
				return l.Ask(ctx, "/info", &groupdv1.InfoRequest{}, &groupdv1.InfoReply{})
			case 1:
				return l.Ask(ctx, "/members", &groupdv1.MembersRequest{}, &groupdv1.MembersReply{})
			default:
				return l.Ask(ctx, "/messages", &groupdv1.MessagesRequest{Newest: 10, MaxBytes: 2000, Accept: []groupdv1.Codec{groupdv1.Codec_DEFLATE_DICTIONARY_1}}, &groupdv1.MessagesReply{})
			}
		})
		for i, l := range lines {
			me := crowd.Identity(crowd.Member(n, i))
			each(n, sending, sendEvery, func(int) (groupdv1.Code, error) {
				now := time.Now()
				m, err := lxmf.Pack(me, lxmf.Draft{
					Destination: rns.HashDestination(&to, "lxmf", "delivery"), Timestamp: float64(now.UnixNano()) / 1e9, Content: fmt.Appendf(nil, "post %d", now.UnixNano()),
				})
				if err != nil {
					return 0, err
				}
				return l.Ask(ctx, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()}, &groupdv1.SendReply{})
			})
		}
	}
	wg.Wait()
	return took
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
