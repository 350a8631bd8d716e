package object

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// madeIndex makes a pack's index of version 2 (gitformat-pack(5)) of objects by their ids, which are sorted.
func madeIndex(ids []Hash, offsets []uint64) []byte {
	out := slices.Concat(indexMagic, []byte{0, 0, 0, 2})
	for first := range 256 {
		n := 0
		for _, id := range ids {
			if int(id[0]) <= first {
				n++
			}
		}
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	for _, id := range ids {
		out = append(out, id[:]...)
	}
	out = append(out, make([]byte, 4*len(ids))...) // checksums of the objects
	var far []byte
	for _, offset := range offsets {
		if offset < 1<<31 {
			out = binary.BigEndian.AppendUint32(out, uint32(offset))
			continue
		}
		out = binary.BigEndian.AppendUint32(out, 1<<31|uint32(len(far)/8))
		far = binary.BigEndian.AppendUint64(far, offset)
	}
	return slices.Concat(out, far, bytes.Repeat([]byte("p"), HashSize), bytes.Repeat([]byte("i"), HashSize))
}

// spread are ids at both ends of the first byte and within one, with offsets on both sides of 2 GiB.
func spread(t *testing.T) (ids []Hash, offsets []uint64) {
	t.Helper()
	for _, start := range []string{"0000", "0001", "7fff", "8000", "80ff", "ffff"} {
		ids = append(ids, hash(t, start+strings.Repeat("5", 36)))
	}
	return ids, []uint64{12, 1<<31 - 1, 1 << 31, 300, 5 << 30, 40}
}

func TestAnIndexFindsItsObjects(t *testing.T) {
	t.Parallel()
	ids, offsets := spread(t)
	x, err := parseIndex(madeIndex(ids, offsets))
	if err != nil {
		t.Fatal(err)
	}
	if x.count != len(ids) || string(x.packChecksum()) != strings.Repeat("p", HashSize) {
		t.Errorf("it has %d objects of the pack %q", x.count, x.packChecksum())
	}
	for i, id := range ids {
		if got, ok := x.find(id); !ok || got != int64(offsets[i]) || Hash(x.name(i)) != id {
			t.Errorf("%s is found at %d, %t; want %d", id, got, ok, offsets[i])
		}
		for _, step := range []byte{1, 255} { // the neighbours on both sides
			near := id
			near[HashSize-1] += step
			if got, ok := x.find(near); ok {
				t.Errorf("%s, which is not there, is found at %d", near, got)
			}
		}
	}
	empty, err := parseIndex(madeIndex(nil, nil))
	if err != nil || empty.count != 0 {
		t.Fatalf("an empty index: %+v, %v", empty, err)
	}
	if _, ok := empty.find(ids[0]); ok {
		t.Error("something is found in an empty index")
	}
}

func TestAnIndexFindsPrefixes(t *testing.T) {
	t.Parallel()
	ids, offsets := spread(t)
	x, err := parseIndex(madeIndex(ids, offsets))
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string][]Hash{
		"00": ids[:2], "000": ids[:2], "0001": ids[1:2], "00015": ids[1:2], "0002": nil, "7f": ids[2:3], "80": ids[3:5],
		"800": ids[3:4], "ff": ids[5:], "fe": nil, ids[5].String(): ids[5:],
	} {
		found := map[Hash]bool{}
		x.withPrefix(prefix, unhex(prefix[0])<<4|unhex(prefix[1]), found)
		if len(found) != len(want) {
			t.Errorf("%s is found %d times, want %d", prefix, len(found), len(want))
		}
		for _, id := range want {
			if !found[id] {
				t.Errorf("%s does not find %s", prefix, id)
			}
		}
	}
}

func TestADamagedIndexIsRefused(t *testing.T) {
	t.Parallel()
	ids, offsets := spread(t)
	good := madeIndex(ids, offsets)
	set := func(at int, with ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at:], with)
		return bad
	}
	plain := madeIndex(ids[:1], offsets[:1])
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":             {nil, "git repack -a -d"},
		"version 1":           {set(0, 0, 0, 0, 0), "not a pack index of version 2: run git repack -a -d"},
		"version 3":           {set(7, 3), "version 3, known is 2: run git repack -a -d"},
		"a table that falls":  {set(fanoutStart, 0, 0, 0, 9), "fan-out table falls"},
		"too few for its own": {set(fanoutStart+4*255, 0, 1, 0, 0), "cut off"},
		"one byte less":       {plain[:len(plain)-1], "cut off"},
		"the table alone":     {good[:namesStart-1], "not a pack index"},
	} {
		if x, err := parseIndex(c.data); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v; want an error of %q", name, x, err, c.says)
		}
	}
	if _, err := parseIndex(plain); err != nil {
		t.Errorf("one that is as long as it has to be: %v", err)
	}
}

// An offset above 2 GiB that names a place beyond its table is not followed.
func TestFarOffsetsStayInTheirTable(t *testing.T) {
	t.Parallel()
	ids, offsets := spread(t)
	data := madeIndex(ids, offsets)
	at := namesStart + len(ids)*(HashSize+4) + 4*2 // of the third object, which has the first of two far ones
	for place, want := range map[uint32]bool{0: true, 1: true, 2: false, 1<<31 - 1: false} {
		binary.BigEndian.PutUint32(data[at:], 1<<31|place)
		x, err := parseIndex(data)
		if err != nil {
			t.Fatal(err)
		}
		if offset, ok := x.find(ids[2]); ok != want {
			t.Errorf("place %d leads to %d, %t; want %t", place, offset, ok, want)
		}
	}
}
