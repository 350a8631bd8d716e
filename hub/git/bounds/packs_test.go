package bounds

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"

	"github.com/drover-dev/drover/hub/git/object"
)

// pack is one that is written by hand, to say what git would not.
type pack struct {
	data    bytes.Buffer
	offsets []int // of its objects
	z       *zlib.Writer
}

func newPack(objects int) *pack {
	p := &pack{z: zlib.NewWriter(nil)}
	p.data.WriteString("PACK\x00\x00\x00\x02")
	_ = binary.Write(&p.data, binary.BigEndian, uint32(objects))
	return p
}

// object adds one whose head says a kind and a size. base follows the head.
func (p *pack) object(kind byte, size int, base, content []byte) *pack {
	p.offsets = append(p.offsets, p.data.Len())
	first, rest := kind<<4|byte(size&15), size>>4
	for ; rest > 0; rest >>= 7 {
		p.data.WriteByte(first | 0x80)
		first = byte(rest & 0x7f)
	}
	p.data.WriteByte(first)
	p.data.Write(base)
	p.z.Reset(&p.data)
	_, _ = p.z.Write(content)
	_ = p.z.Close()
	return p
}

func (p *pack) blob(content string) *pack {
	return p.object(object.TypeBlob, len(content), nil, []byte(content))
}

// number is a size as deltas have it.
func number(n int64) (out []byte) {
	for ; n >= 0x80; n >>= 7 {
		out = append(out, byte(n)|0x80)
	}
	return append(out, byte(n))
}

// delta is one that says to make result bytes of from bytes; what it does is of no interest.
func delta(from, result int64) []byte { return append(append(number(from), number(result)...), 1, 'x') }

// before is how a delta names the object of a number in the pack.
func (p *pack) before(i int) []byte {
	back := p.data.Len() - p.offsets[i]
	out := []byte{byte(back & 0x7f)}
	for back >>= 7; back > 0; back >>= 7 {
		back--
		out = append([]byte{byte(back&0x7f) | 0x80}, out...)
	}
	return out
}

func (p *pack) onto(i int, d []byte) *pack {
	return p.object(object.TypeOfsDelta, len(d), p.before(i), d)
}

// small are bounds that a test reaches.
var small = Bounds{Received: 1 << 20, Objects: 5000, Object: 1 << 20, Unfolded: 4 << 20, Ratio: 1}

// What a pack would unfold to is known before any of it is unfolded: from what heads and deltas say.
func TestPacksThatExceedTheBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pack func() *pack
		want string // "" if it is taken
	}{
		"nothing":          {func() *pack { return newPack(0) }, ""},
		"a blob":           {func() *pack { return newPack(1).blob("hello") }, ""},
		"a delta":          {func() *pack { return newPack(2).blob("hello").onto(0, delta(5, 1<<20)) }, ""},
		"the largest blob": {func() *pack { return newPack(1).blob(strings.Repeat("x", 1<<20)) }, ""},
		"too many objects": {func() *pack { return newPack(5001) }, "a pack with 5001 objects, and 5000 are taken at most"},
		"a blob too large": {func() *pack { return newPack(1).object(object.TypeBlob, 1<<20+1, nil, nil) },
			"it has an object of 2 MiB, and one may have 1 MiB"},
		"a delta too large": {func() *pack { return newPack(1).object(object.TypeOfsDelta, 7<<20, []byte{12}, nil) },
			"delta of an object that is not there"},
		"a result too large": {func() *pack { return newPack(2).blob("hello").onto(0, delta(5, 3<<20)) },
			"it has an object of 3 MiB, and one may have 1 MiB"},
		"a base too large": {func() *pack { return newPack(2).blob("hello").onto(0, delta(3<<20, 5)) },
			"it has an object of 3 MiB, and one may have 1 MiB"},
		"a base elsewhere, too large": {func() *pack {
			d := delta(5, 3<<20)
			return newPack(1).object(object.TypeRefDelta, len(d), make([]byte, object.HashSize), d)
		}, "it has an object of 3 MiB"},
		"many results": {func() *pack {
			p := newPack(6).blob("hello")
			for range 5 {
				p.onto(0, delta(5, 1<<20))
			}
			return p
		}, "1 MiB of it unfold to more than 4 MiB"},
		"a chain": {func() *pack {
			p := newPack(object.MaxChain + 1).blob("hello")
			for i := range object.MaxChain {
				p.onto(i, delta(5, 5))
			}
			return p
		}, ""},
		"a chain too long": {func() *pack {
			p := newPack(object.MaxChain + 2).blob("hello")
			for i := range object.MaxChain + 1 {
				p.onto(i, delta(5, 5))
			}
			return p
		}, fmt.Sprintf("a chain of more than %d deltas", object.MaxChain)},
	} {
		err := checkPack(&c.pack().data, small)
		var excess *ExcessError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		case c.want != "" && !errors.As(err, &excess) && !strings.Contains(err.Error(), "damaged"):
			t.Errorf("%s: %v is neither too much nor damaged", name, err)
		}
	}
}

// go-git keeps no large object, so a chain of deltas over one is followed again for each: it counts as often.
func TestDeltasOfLargeObjectsCountAsOftenAsTheyAreFollowed(t *testing.T) {
	t.Parallel()
	b := small
	b.Object, b.Unfolded = 32<<20, 200<<20
	chain := func(size int64, deltas int) *bytes.Buffer {
		p := newPack(deltas + 1).blob("hello")
		for i := range deltas {
			p.onto(i, delta(5, size))
		}
		return &p.data
	}
	if err := checkPack(chain(cachedObject, 10), b); err != nil {
		t.Errorf("objects that are kept: %v", err)
	}
	if err := checkPack(chain(cachedObject+1, 10), b); err == nil {
		t.Error("10 deltas of 16 MiB on top of each other unfold to 880 MiB, and are taken")
	}
	far := delta(5, cachedObject+1)
	elsewhere := newPack(1).object(object.TypeRefDelta, len(far), make([]byte, object.HashSize), far)
	if err := checkPack(&elsewhere.data, b); err == nil {
		t.Error("a delta of an object elsewhere is taken for one that needs nothing else")
	}
}

// A damaged pack is no excess: another try may get a whole one.
func TestDamagedPacks(t *testing.T) {
	t.Parallel()
	whole := newPack(2).blob("hello").onto(0, delta(5, 5)).data.Bytes()
	for name, data := range map[string][]byte{
		"without its end":      whole[:len(whole)-3],
		"without an object":    whole[:object.PackHeader+3],
		"a short object":       newPack(1).object(object.TypeBlob, 9, nil, []byte("hello")).data.Bytes(),
		"a long object":        newPack(1).object(object.TypeBlob, 3, nil, []byte("hello")).data.Bytes(),
		"a base that is none":  newPack(2).blob("hello").object(object.TypeOfsDelta, 4, []byte{1}, delta(5, 5)).data.Bytes(),
		"a delta of nothing":   newPack(2).blob("hello").onto(0, nil).data.Bytes(),
		"a size without end":   append(newPack(1).data.Bytes(), bytes.Repeat([]byte{0xff}, 20)...),
		"no base":              append(newPack(1).data.Bytes(), object.TypeRefDelta<<4|5, 1, 2, 3),
		"no compressed object": append(newPack(1).data.Bytes(), object.TypeBlob<<4|5, 'h', 'e', 'l', 'l', 'o'),
	} {
		err := checkPack(bytes.NewReader(data), small)
		var excess *ExcessError
		if err == nil || errors.As(err, &excess) || !strings.HasPrefix(err.Error(), "the server sends a damaged pack: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What go-git would not take for a pack either is left to it.
	for name, data := range map[string]string{"nothing": "", "a cut head": "PACK\x00",
		"another thing": "JACK\x00\x00\x00\x02\xff\xff\xff\xff"} {
		if err := checkPack(strings.NewReader(data), small); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheLargestObjectIsWeighed(t *testing.T) {
	t.Parallel()
	p := newPack(3).blob("hello").onto(0, delta(5, 70_000)).blob("hi")
	if largest, err := weighPack(&p.data, small); largest != 70_000 || err != nil {
		t.Errorf("the largest has %d bytes, %v", largest, err)
	}
}
