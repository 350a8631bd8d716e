package object

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// aID and bID are ids of no objects in particular.
var (
	aID = strings.Repeat("ab", HashSize)
	bID = strings.Repeat("01", HashSize)
)

func hash(t testing.TB, id string) Hash {
	t.Helper()
	h, err := ParseHash(id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestIDsAreFortyHexadecimalDigits(t *testing.T) {
	t.Parallel()
	const id = "0123456789abcdef0123456789abcdef01234567"
	for _, text := range []string{id, strings.ToUpper(id)} {
		if h, err := ParseHash(text); err != nil || h.String() != id {
			t.Errorf("%s is read as %s, %v", text, h, err)
		}
	}
	for _, text := range []string{"", id[1:], id + "0", "g" + id[1:], "+" + id[1:], " " + id[1:]} {
		if h, err := ParseHash(text); err == nil || !h.IsZero() || !strings.Contains(err.Error(), "40 hexadecimal digits") {
			t.Errorf("%q is read as %s, %v", text, h, err)
		}
	}
}

func TestACommitIsDecoded(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	for name, c := range map[string]struct {
		text string
		want Commit
	}{
		"the first one": {"tree " + aID + "\nauthor Ann <a@example.com> 1 +0000\ncommitter B <b@c> 2 +0000\n\ns\n",
			Commit{Tree: hash(t, aID), Author: "Ann <a@example.com>", Subject: "s", Time: at(2)}},
		"a merge": {"tree " + aID + "\nparent " + bID + "\nparent " + aID + "\n\n\n \r\n  subject \nbody",
			Commit{Tree: hash(t, aID), Parents: []Hash{hash(t, bID), hash(t, aID)}, Subject: "subject"}},
		"a signed one": {"tree " + aID + "\ngpgsig -----BEGIN\n tree " + bID + "\n parent " + bID + "\n\nsubject",
			Commit{Tree: hash(t, aID), Subject: "subject"}},
		"a > in a name, and a time before 1970": {"tree " + aID + "\nauthor a > b <c> 3 +0000\ncommitter x <y> -5 +0200\n\n",
			Commit{Tree: hash(t, aID), Author: "a > b <c>", Time: at(-5)}},
		"no mail, and no time": {"tree " + aID + "\nauthor Ann\ncommitter x <y> soon\n\n",
			Commit{Tree: hash(t, aID), Author: "Ann"}},
		"what is no UTF-8": {"tree " + aID + "\nauthor \xff <\xfe> 1 +0000\n\n\xfd",
			Commit{Tree: hash(t, aID), Author: "\uFFFD <\uFFFD>", Subject: "\uFFFD"}},
		"no message": {"tree " + aID, Commit{Tree: hash(t, aID)}},
	} {
		got, err := decodeCommit([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Tree != c.want.Tree || !slices.Equal(got.Parents, c.want.Parents) || got.Author != c.want.Author ||
			got.Subject != c.want.Subject || !got.Time.Equal(c.want.Time) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	for text, says := range map[string]string{
		"":                                  "names no tree",
		"parent " + aID + "\n\ntree " + aID: "names no tree",
		"tree " + aID[1:] + "\n":            "commit's tree",
		"tree " + aID + "\nparent x\n":      "commit's parent",
	} {
		if c, err := decodeCommit([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q is read as %+v, %v; want an error of %q", text, c, err, says)
		}
	}
}

func TestATagNamesItsObject(t *testing.T) {
	t.Parallel()
	if h, err := tagged([]byte("object " + aID + "\ntype commit\n")); err != nil || h != hash(t, aID) {
		t.Errorf("got %s, %v", h, err)
	}
	for _, text := range []string{"", "type commit\nobject " + aID + "\n", "object \n", "object " + aID + "0\n"} {
		if h, err := tagged([]byte(text)); err == nil {
			t.Errorf("%q leads to %s", text, h)
		}
	}
}

func TestEntriesOfATree(t *testing.T) {
	t.Parallel()
	kinds := map[string]struct {
		kind Kind
		mode fs.FileMode
	}{
		"40000":  {KindFolder, fs.ModeDir | 0o755},
		"040000": {KindFolder, fs.ModeDir | 0o755},
		"100644": {KindFile, 0o644},
		"100664": {KindFile, 0o644}, // of old versions of git
		"100755": {KindProgram, 0o755},
		"100744": {KindProgram, 0o755},
		"120000": {KindLink, fs.ModeSymlink | 0o777},
		"160000": {KindSubmodule, fs.ModeDir | 0o755}, // reading it is an error, and not an empty folder
	}
	for mode, want := range kinds {
		tree, err := DecodeTree([]byte(gittest.TreeLine(mode, "a", aID)))
		if err != nil || len(tree.Entries) != 1 {
			t.Errorf("%s: %+v, %v", mode, tree, err)
			continue
		}
		if got := tree.Entries[0]; got != (Entry{"a", hash(t, aID), want.kind}) || got.Kind.Mode() != want.mode {
			t.Errorf("%s: got %+v of mode %s, want %+v", mode, got, got.Kind.Mode(), want)
		}
	}
	for _, mode := range []string{"", "0", "100648", "10064a", "20000", "60000", "140000", "170000", "40000000000"} {
		tree, err := DecodeTree([]byte(gittest.TreeLine(mode, "a", aID)))
		if err == nil || !strings.Contains(err.Error(), "of mode") {
			t.Errorf("mode %q: %+v, %v", mode, tree, err)
		}
	}
	if KindProgram.Class() != KindFile || KindFile.Class() != KindFile || KindLink.Class() != KindLink {
		t.Error("a program is of another class than a file, or a link is of the same")
	}
}

// What git refuses to check out, on one system or another, is left out; the entries beside it are there.
func TestNamesThatLeadOutAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", ".", "..", ".git", ".GIT", ".gIt", "a/b", "/", `a\b`, "\xff"} {
		tree, err := DecodeTree([]byte(gittest.TreeLine("100644", name, bID) + gittest.TreeLine("100644", "z", aID)))
		if err != nil || len(tree.Entries) != 1 || tree.Entries[0].Name != "z" || tree.Entries[0].ID != hash(t, aID) {
			t.Errorf("beside %q: %+v, %v", name, tree, err)
		}
	}
	for _, name := range []string{".gitignore", ".gi", "git", "...", " ", "ä", "a:b"} {
		tree, err := DecodeTree([]byte(gittest.TreeLine("100644", name, aID)))
		if err != nil || len(tree.Entries) != 1 || tree.Entries[0].Name != name {
			t.Errorf("%q: %+v, %v", name, tree, err)
		}
	}
}

func TestATreeIsSortedByName(t *testing.T) {
	t.Parallel()
	// Git sorts the folder a as a/, behind a.b.
	tree, err := DecodeTree([]byte(gittest.TreeLine("100644", "a.b", aID) + gittest.TreeLine("40000", "a", bID) +
		gittest.TreeLine("100644", "c", aID)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{{"a", hash(t, bID), KindFolder}, {"a.b", hash(t, aID), KindFile}, {"c", hash(t, aID), KindFile}}
	if !slices.Equal(tree.Entries, want) {
		t.Fatalf("got %+v, want %+v", tree.Entries, want)
	}
	for _, e := range want {
		if got, ok := tree.Find(e.Name); !ok || got != e {
			t.Errorf("%s is found as %+v, %t", e.Name, got, ok)
		}
	}
	for _, name := range []string{"", "A", "a.", "a.bc", "b", "d"} {
		if got, ok := tree.Find(name); ok || got != (Entry{}) {
			t.Errorf("%q is found as %+v", name, got)
		}
	}
	if empty, err := DecodeTree(nil); err != nil || len(empty.Entries) != 0 {
		t.Errorf("an empty tree: %+v, %v", empty, err)
	}
}

func TestADamagedTreeIsRefused(t *testing.T) {
	t.Parallel()
	whole := gittest.TreeLine("100644", "name", aID)
	for n := 1; n < len(whole); n++ {
		if tree, err := DecodeTree([]byte(whole[:n])); err == nil {
			t.Errorf("cut off after %d bytes it is %+v", n, tree)
		}
	}
	twice := gittest.TreeLine("100644", "a", aID) + gittest.TreeLine("40000", "a", bID)
	if tree, err := DecodeTree([]byte(twice)); err == nil || !strings.Contains(err.Error(), `"a" twice`) {
		t.Errorf("a name that stands in it twice: %+v, %v", tree, err)
	}
}

// The instructions of gitformat-pack(5): 0xxxxxxx stands for bytes that follow, 1xxxxxxx for a copy with those of seven
// arguments whose bits are set.
func TestInstructionsOfDeltas(t *testing.T) {
	t.Parallel()
	base := []byte("0123456789")
	long := bytes.Repeat([]byte("x"), 0x7f)
	large := append(bytes.Repeat([]byte("."), 0x030201), "the end"...)
	for name, c := range map[string]struct {
		base  []byte
		delta string
		want  string
	}{
		"nothing":               {base, "\x0a\x00", ""},
		"bytes":                 {base, "\x0a\x02\x02xy", "xy"},
		"as many as there may":  {base, "\x0a\x7f\x7f" + string(long), string(long)},
		"all of the base":       {base, "\x0a\x0a\x90\x0a", "0123456789"},
		"from the middle":       {base, "\x0a\x03\x91\x04\x03", "456"},
		"the end":               {base, "\x0a\x01\x91\x09\x01", "9"},
		"both":                  {base, "\x0a\x05\x91\x08\x02\x01-\x90\x02", "89-01"},
		"three bytes of offset": {large, "\x88\x84\x0c\x07\x97\x01\x02\x03\x07", "the end"},
		"two bytes of size":     {large, "\x88\x84\x0c\x81\x02\xb0\x01\x01", strings.Repeat(".", 0x101)},
	} {
		delta := []byte(c.delta)
		got, err := patch(c.base, delta, MaxObject)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %.20q, %v; want %.20q", name, got, err, c.want)
		}
		if size, err := deltaSize(delta); err != nil || size != int64(len(c.want)) {
			t.Errorf("%s: its size is %d, %v; want %d", name, size, err, len(c.want))
		}
	}
	for name, delta := range map[string]string{
		"no delta":                     "",
		"no size":                      "\x0a",
		"a size without its end":       "\x0a\x80",
		"another base":                 "\x09\x01\x01x",
		"an instruction that is none":  "\x0a\x01\x00",
		"bytes that are not there":     "\x0a\x02\x02x",
		"an argument that is missing":  "\x0a\x01\x91\x04",
		"a copy from beyond the end":   "\x0a\x01\x91\x0b\x01",
		"a copy that ends beyond it":   "\x0a\x03\x91\x08\x03",
		"less than it says":            "\x0a\x03\x02xy",
		"more than it says":            "\x0a\x01\x02xy",
		"more by a second instruction": "\x0a\x02\x02xy\x01z",
	} {
		if got, err := patch(base, []byte(delta), MaxObject); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got, err := patch(base, []byte("\x0a\x02\x02xy"), 2); err != nil || string(got) != "xy" {
		t.Errorf("as large as may be: %q, %v", got, err)
	}
	got, err := patch(base, []byte("\x0a\x02\x02xy"), 1)
	if err == nil || err.Error() != "2 bytes, and 1 are read at most" {
		t.Errorf("larger than may be: %q, %v", got, err)
	}
}

func TestNumbersOfDeltas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"\x00": 0, "\x7f": 127, "\x80\x01": 128, "\xff\x7f": 1<<14 - 1, "\x80\x80\x80\x80\x80\x80\x01": 1 << 42,
		"\xff\xff\xff\xff\xff\xff\x7f": 1<<49 - 1,
	} {
		n, rest, ok := DeltaNumber([]byte(text + "rest"))
		if !ok || n != want || string(rest) != "rest" {
			t.Errorf("%x is %d, %q, %t; want %d", text, n, rest, ok, want)
		}
	}
	for _, text := range []string{"", "\x80", "\x80\x80\x80\x80\x80\x80\x80\x01"} {
		if n, _, ok := DeltaNumber([]byte(text)); ok {
			t.Errorf("%x is %d", text, n)
		}
	}
}

func TestTheCacheKeepsWhatWasUsedLast(t *testing.T) {
	t.Parallel()
	const each = 1000 - 256 // with what a place takes, four of them fill the cache
	c := newCache[string, int](4000)
	for i, key := range []string{"a", "b", "c", "d"} {
		c.put(key, i, each)
	}
	if v, ok := c.get("a"); !ok || v != 0 {
		t.Errorf("a is %d, %t", v, ok)
	}
	c.put("e", 4, each) // in the place of b, because a was used since
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true, "e": true} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("%s is kept: %t, want %t", key, ok, want)
		}
	}
	c.put("a", 7, each)
	if v, _ := c.get("a"); v != 0 {
		t.Errorf("what is kept was replaced by %d", v)
	}
	c.put("large", 1, each+1)
	if _, ok := c.get("large"); ok {
		t.Error("it keeps what is larger than a quarter of it")
	}
	if c.used > c.max || len(c.items) != c.order.Len() {
		t.Errorf("%d of %d bytes are used by %d items, of which %d are in order", c.used, c.max, len(c.items), c.order.Len())
	}
}
