package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub/people"
)

// memory is a store that can fail.
type memory struct {
	mu   sync.Mutex
	has  map[string][]byte
	full bool
}

func (m *memory) Load() (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.has), nil
}

func (m *memory) Get(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.has[key], nil
}

func (m *memory) Save(changes map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return errors.New("the disk is full")
	}
	for k, v := range changes {
		if m.has[k] = v; v == nil {
			delete(m.has, k)
		}
	}
	return nil
}

func (m *memory) copy() *memory { return &memory{has: maps.Clone(m.has)} }

var (
	now   = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	own   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	other = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
)

func empty() *memory { return &memory{has: map[string][]byte{}} }

func open(t *testing.T, m *memory) *Journal {
	t.Helper()
	j, err := Open(m, []ed25519.PrivateKey{own})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func entry(i int) Entry {
	return Entry{Time: now.Add(time.Duration(i) * time.Minute), Kind: "approve", Policy: "production", Wave: "early",
		Target: fmt.Sprint("commit", i), Why: "<it & that>", What: "goes on", Count: 2, Clusters: []string{"a", "b"},
		By: &people.Who{Name: "ann", Groups: []string{"sre"}, From: "192.0.2.1:99"}, Apps: map[string]string{"web": "ab12"}}
}

func fill(t *testing.T, j *Journal, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := j.Append(entry(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func export(t *testing.T, j *Journal) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := j.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// broken fails unless an export does not verify, and that is said of a place.
func isBroken(t *testing.T, data []byte, where string) {
	t.Helper()
	_, err := Verify(bytes.NewReader(data), nil, nil)
	if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), where) {
		t.Errorf("%v; want %s", err, where)
	}
}

func TestAJournalVerifies(t *testing.T) {
	t.Parallel()
	m := empty()
	j := open(t, m)
	fill(t, j, 1, 3)
	j = open(t, m)
	fill(t, j, 4, 4)
	if j.Broken() != "" {
		t.Fatal(j.Broken())
	}
	var seen []string
	c, err := Verify(bytes.NewReader(export(t, j)), []string{KeyID(own.Public().(ed25519.PublicKey))}, func(e Entry) {
		seen = append(seen, fmt.Sprint(e.Seq, e.Target, e.By.Name))
	})
	if err != nil || c.Entries != 4 || c.Head != j.Head() || !slices.Equal(seen, []string{"1commit1ann", "2commit2ann",
		"3commit3ann", "4commit4ann"}) {
		t.Errorf("%+v %v %v", c, seen, err)
	}
	if _, err := Verify(bytes.NewReader(export(t, open(t, empty()))), nil, nil); err != nil {
		t.Errorf("an empty one: %v", err)
	}
	_, err = Verify(bytes.NewReader(export(t, j)), []string{KeyID(other.Public().(ed25519.PublicKey))}, nil)
	if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "none that is to be trusted") {
		t.Errorf("with the key of another: %v", err)
	}
}

// A signature has one spelling: the bits that its last character does not need are zero.
func TestASignatureHasOneSpelling(t *testing.T) {
	t.Parallel()
	j := open(t, empty())
	good := string(export(t, j))
	for _, end := range []string{"A==\"", "Q==\"", "g==\"", "w==\""} {
		other := map[string]string{"A==\"": "B==\"", "Q==\"": "R==\"", "g==\"": "h==\"", "w==\"": "0==\""}[end]
		if bad := strings.Replace(good, end, other, 1); bad != good {
			if _, err := Verify(strings.NewReader(bad), nil, nil); !errors.Is(err, ErrBroken) {
				t.Errorf("with %s in place of %s: %v", other, end, err)
			}
			return
		}
	}
	t.Fatalf("there is no signature in %s", good)
}

// Every byte counts: whichever is another one, the journal does not verify.
func TestNoByteCanBeChanged(t *testing.T) {
	t.Parallel()
	j := open(t, empty())
	fill(t, j, 1, 3)
	good := export(t, j)
	for i := range good {
		for _, b := range []byte{good[i] ^ 1, good[i] ^ 0x20, ' ', '\n', '0'} {
			if b == good[i] {
				continue
			}
			bad := slices.Clone(good)
			bad[i] = b
			if _, err := Verify(bytes.NewReader(bad), nil, nil); !errors.Is(err, ErrBroken) {
				t.Fatalf("byte %d as %q: %v in %s", i, b, err, bad[max(0, i-20):min(len(bad), i+20)])
			}
		}
		less, more := slices.Delete(slices.Clone(good), i, i+1), slices.Insert(slices.Clone(good), i, ' ')
		if _, err := Verify(bytes.NewReader(less), nil, nil); !errors.Is(err, ErrBroken) {
			t.Fatalf("without byte %d: %v", i, err)
		}
		if _, err := Verify(bytes.NewReader(more), nil, nil); !errors.Is(err, ErrBroken) {
			t.Fatalf("with a blank before byte %d: %v", i, err)
		}
		if _, err := Verify(bytes.NewReader(good[:i]), nil, nil); !errors.Is(err, ErrBroken) {
			t.Fatalf("with %d bytes: %v", i, err)
		}
	}
}

func lines(data []byte) [][]byte { return slices.Collect(bytes.Lines(data)) }

func TestNoEntryCanBeRemovedMovedOrAdded(t *testing.T) {
	t.Parallel()
	j := open(t, empty())
	fill(t, j, 1, 4)
	good := lines(export(t, j)) // begins, 1, 2, 3, 4, seal
	with := func(order ...int) []byte {
		var out []byte
		for _, i := range order {
			out = append(out, good[i]...)
		}
		return out
	}
	isBroken(t, with(0, 1, 3, 4, 5), "entry 2")
	isBroken(t, with(0, 2, 1, 3, 4, 5), "entry 1")
	isBroken(t, with(0, 1, 2, 4, 3, 5), "entry 3")
	isBroken(t, with(0, 1, 2, 2, 3, 4, 5), "entry 3")
	isBroken(t, with(0, 2, 3, 4, 5), "entry 1")
	isBroken(t, with(0, 1, 2, 3, 5), "ends with entry 4, and this one ends with entry 3")
	isBroken(t, with(0, 1, 2, 3, 4), "without the hub's seal")
	isBroken(t, with(0, 1, 2, 3, 4, 5, 5), "something follows")
	isBroken(t, with(1, 2, 3, 4, 5), "first line")
	isBroken(t, with(0), "after entry 0 without")
	isBroken(t, nil, "first line")
	isBroken(t, append(with(0), bytes.Repeat([]byte("x"), 1<<20)...), "after entry 0")
}

// forge makes an export of entries whose chain is right.
func forge(after Anchor, key ed25519.PrivateKey, seal *Seal, entries ...Entry) []byte {
	first, _ := json.Marshal(begins{format, after})
	out, at := append(first, '\n'), after.Mark
	for _, e := range entries {
		e, line, _ := e.chain(at)
		out, at = append(append(out, line...), '\n'), e.mark()
	}
	last := end{seal}
	if seal == nil {
		last = sealed(Seal{Time: now, After: after, Head: at}, []ed25519.PrivateKey{key})
	}
	line, _ := json.Marshal(last)
	return append(append(out, line...), '\n')
}

// Who changes an entry and makes the rest of the chain again has not the hub's key.
func TestAChainThatWasMadeAgainIsNotTheHubs(t *testing.T) {
	t.Parallel()
	j := open(t, empty())
	fill(t, j, 1, 3)
	var last end
	if err := json.Unmarshal(lines(export(t, j))[4], &last); err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*Entry){
		"time": func(e *Entry) { e.Time = e.Time.Add(1) }, "kind": func(e *Entry) { e.Kind = "halt" },
		"by": func(e *Entry) { e.By = &people.Who{Name: "bob"} }, "nobody": func(e *Entry) { e.By = nil },
		"policy": func(e *Entry) { e.Policy = "x" }, "wave": func(e *Entry) { e.Wave = "x" },
		"target": func(e *Entry) { e.Target = "x" }, "rule": func(e *Entry) { e.Rule = "x" },
		"why": func(e *Entry) { e.Why = "" }, "what": func(e *Entry) { e.What = "" },
		"until": func(e *Entry) { e.Until = now }, "count": func(e *Entry) { e.Count = 1 },
		"clusters": func(e *Entry) { e.Clusters = []string{"a"} }, "apps": func(e *Entry) { e.Apps = nil },
	}
	for name, change := range changes {
		for i := range 3 {
			entries := []Entry{entry(1), entry(2), entry(3)}
			change(&entries[i])
			isBroken(t, forge(Anchor{Mark: start}, own, last.Seal, entries...), "seal is for a chain")
			_, err := Verify(bytes.NewReader(forge(Anchor{Mark: start}, other, nil, entries...)),
				[]string{KeyID(own.Public().(ed25519.PublicKey))}, nil)
			if !errors.Is(err, ErrBroken) {
				t.Errorf("%s of entry %d, signed by another: %v", name, i+1, err)
			}
		}
	}
	all := []Entry{entry(1), entry(2), entry(3)}
	if _, err := Verify(bytes.NewReader(forge(Anchor{Mark: start}, own, last.Seal, all...)), nil, nil); err != nil {
		t.Errorf("what nobody changed: %v", err)
	}
	isBroken(t, forge(Anchor{Mark: Mark{1, j.anchor.Hash}}, own, last.Seal, all...), "seal is for")
	none := sealed(Seal{Time: now, After: Anchor{Mark: start}, Head: start}, nil)
	isBroken(t, forge(Anchor{Mark: start}, own, none.Seal), "0 signatures")
}

func TestOldEntriesAreCutOffAndTheRestVerifies(t *testing.T) {
	t.Parallel()
	m := empty()
	j := open(t, m)
	j.limit = 30
	for i := 1; i <= 100; i++ {
		fill(t, j, i, i)
		if len(m.has) > 32 {
			t.Fatalf("%d are kept after %d", len(m.has), i)
		}
		if i%7 == 0 {
			if j = open(t, m); j.Broken() != "" {
				t.Fatal(j.Broken())
			}
			j.limit = 30
		}
	}
	data := export(t, j)
	c, err := Verify(bytes.NewReader(data), nil, nil)
	if err != nil || c.Head.Seq != 100 || c.After.Seq != uint64(100-c.Entries) || c.Entries < 19 || c.After.Time.IsZero() {
		t.Errorf("%+v %v", c, err)
	}
	isBroken(t, slices.Concat(lines(data)[0], bytes.Join(lines(data)[2:], nil)), fmt.Sprint("entry ", c.After.Seq+1))
}

func TestWhatIsDamagedInTheStoreIsSaid(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(map[string][]byte){
		"missing": func(has map[string][]byte) { delete(has, keyOf(2)) },
		"changed": func(has map[string][]byte) {
			has[keyOf(2)] = bytes.Replace(has[keyOf(2)], []byte("ann"), []byte("bob"), 1)
		},
		"no JSON":    func(has map[string][]byte) { has[keyOf(2)] = []byte("{") },
		"other":      func(has map[string][]byte) { has[keyOf(2)] = has[keyOf(3)] },
		"the anchor": func(has map[string][]byte) { has[keyAnchor] = []byte("x") },
	} {
		m := empty()
		fill(t, open(t, m), 1, 4)
		damage(m.has)
		j := open(t, m)
		if j.Broken() == "" || name != "the anchor" && !strings.Contains(j.Broken(), "after entry 1") {
			t.Errorf("%s: %q", name, j.Broken())
		}
		j.limit = 5
		fill(t, j, 5, 20) // it goes on
		if again := open(t, m); again.Head() != j.Head() {
			t.Errorf("%s: it goes on to %v, and is read to %v", name, j.Head(), again.Head())
		}
	}
}

func TestNothingIsNotedWhereNothingCanBeStored(t *testing.T) {
	t.Parallel()
	m := empty()
	j := open(t, m)
	fill(t, j, 1, 2)
	before := j.Head()
	m.full = true
	if err := j.Append(entry(3)); err == nil || j.Head() != before {
		t.Errorf("%v, at %v", err, j.Head())
	}
	m.full = false
	fill(t, j, 3, 3)
	if _, err := Verify(bytes.NewReader(export(t, j)), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestAnEntryIsBounded(t *testing.T) {
	t.Parallel()
	j := open(t, empty())
	e := entry(1)
	e.Why = strings.Repeat("ä", maxText) + "\xff"
	e.What = "\xff\x00 �"
	e.Clusters = slices.Repeat([]string{strings.Repeat("c", 63)}, 10*MaxClusters)
	for i := range 10 * maxApps {
		e.Apps[fmt.Sprint("app", i, "\xfe")] = "x"
	}
	if err := j.Append(e, e); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(bytes.NewReader(export(t, j)), nil, nil); err != nil {
		t.Error(err)
	}
}

// bus is a Mirror.
type bus struct {
	mu   sync.Mutex
	has  [][]byte
	away bool
}

func (b *bus) Put(_ context.Context, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return errors.New("away")
	}
	b.has = append(b.has, data)
	return nil
}

func (b *bus) Newest(context.Context) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.has) == 0 {
		return nil, nil
	}
	return b.has[len(b.has)-1], nil
}

func (b *bus) All(context.Context) ([][]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.has), nil
}

func cover(t *testing.T, secrets ...string) Cover {
	t.Helper()
	var list [][]byte
	for _, s := range secrets {
		list = append(list, []byte(s))
	}
	c, err := CoverOf(list...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compare(t *testing.T, j *Journal, b *bus, c Cover) string {
	t.Helper()
	doubt, err := j.against(t.Context(), b, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.copy(t.Context(), b, c); err != nil {
		t.Fatal(err)
	}
	return doubt
}

func TestAStoreThatIsOlderThanItsMirrorIsInDoubtOnce(t *testing.T) {
	t.Parallel()
	c := cover(t, "secret")
	m, b := empty(), &bus{}
	j := open(t, m)
	fill(t, j, 1, 3)
	if doubt := compare(t, j, b, c); doubt != "" || len(b.has) != 3 {
		t.Fatalf("%q with %d", doubt, len(b.has))
	}
	for _, sealed := range b.has {
		if bytes.Contains(sealed, []byte("ann")) {
			t.Error("the mirror can be read")
		}
	}
	if doubt := compare(t, open(t, m), b, c); doubt != "" || len(b.has) != 3 {
		t.Errorf("after a restart: %q with %d", doubt, len(b.has))
	}
	backup := m.copy()
	fill(t, j, 4, 6)
	if err := j.copy(t.Context(), b, c); err != nil {
		t.Fatal(err)
	}
	fill(t, j, 7, 7) // and it is killed before the mirror has it
	if doubt := compare(t, open(t, m), b, c); doubt != "" || len(b.has) != 7 {
		t.Errorf("after it was killed: %q with %d", doubt, len(b.has))
	}

	restored := open(t, backup)
	doubt := compare(t, restored, b, c)
	if !strings.Contains(doubt, "go on to number 7") || !strings.Contains(doubt, "ends with number 3") {
		t.Errorf("restored: %q", doubt)
	}
	if restored.Head() != j.Head() {
		t.Errorf("it has %v, not what the mirror has", restored.Head())
	}
	fill(t, restored, 8, 8)
	if _, err := Verify(bytes.NewReader(export(t, restored)), nil, nil); err != nil {
		t.Error(err)
	}
	if doubt := compare(t, open(t, backup), b, c); doubt != "" {
		t.Errorf("the second time: %q", doubt)
	}

	lost := empty()
	if doubt := compare(t, open(t, lost), b, c); !strings.Contains(doubt, "ends with number 0") {
		t.Errorf("lost: %q", doubt)
	}
	if again, _ := Verify(bytes.NewReader(export(t, open(t, lost))), nil, nil); again.Entries != 8 {
		t.Errorf("of what was lost it has %+v", again)
	}
	b.has = b.has[4:] // the mirror is bounded, too
	lost = empty()
	if doubt := compare(t, open(t, lost), b, c); !strings.Contains(doubt, "go on to number 8") {
		t.Errorf("lost: %q", doubt)
	}
	j = open(t, lost)
	fill(t, j, 9, 9)
	again, err := Verify(bytes.NewReader(export(t, j)), nil, nil)
	if err != nil || again.Entries != 5 || again.After.Seq != 4 {
		t.Errorf("of the rest it has %+v %v", again, err)
	}
}

func TestAnotherChainOnTheMirrorIsADoubt(t *testing.T) {
	t.Parallel()
	c := cover(t, "secret")
	m, b := empty(), &bus{}
	j := open(t, m)
	fill(t, j, 1, 3)
	compare(t, j, b, c)
	second := open(t, m.copy())
	fill(t, second, 11, 12)
	compare(t, second, b, c)
	fill(t, j, 4, 6) // by a hub that was cut off
	for range 2 {
		if doubt := compare(t, j, b, c); !strings.Contains(doubt, "is another one") {
			t.Fatalf("%q", doubt)
		}
		if doubt := compare(t, j, b, c); doubt != "" {
			t.Fatalf("the second time: %q", doubt)
		}
		if doubt := compare(t, second, b, c); !strings.Contains(doubt, "go on to number 6") {
			t.Fatalf("the other one: %q", doubt)
		}
	}
	if _, err := Verify(bytes.NewReader(export(t, second)), nil, nil); err != nil {
		t.Error(err)
	}
	if doubt := compare(t, open(t, m), b, cover(t, "next", "secret")); !strings.Contains(doubt, "another one") {
		t.Errorf("with the next secret: %q", doubt)
	}
	if doubt := compare(t, open(t, m), b, c); !strings.Contains(doubt, "keys that this hub has not") {
		t.Errorf("with the former secret: %q", doubt)
	}
}

func TestTheMirrorFollowsWhenItIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, b := cover(t, "secret"), &bus{away: true}
		j := open(t, empty())
		j.Attach(b, c)
		fill(t, j, 1, 2)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			j.Copy(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)))
		}()
		synctest.Wait()
		if _, err := j.Compare(ctx); err != nil {
			t.Error(err)
		}
		fill(t, j, 3, 3)
		synctest.Wait()
		b.mu.Lock()
		b.away = false
		b.mu.Unlock()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := len(b.has); n != 3 {
			t.Errorf("it has %d of 3", n)
		}
		fill(t, j, 4, 4)
		synctest.Wait()
		if n := len(b.has); n != 4 {
			t.Errorf("it has %d of 4", n)
		}
		stop()
		<-done
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(forge(Anchor{Mark: start}, own, nil, entry(1), entry(2)))
	good := forge(Anchor{Mark: start}, own, nil, entry(1), entry(2))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := Verify(bytes.NewReader(data), []string{KeyID(own.Public().(ed25519.PublicKey))}, nil)
		if err == nil && !bytes.Equal(data, good) {
			t.Errorf("it takes %q", data)
		}
	})
}
