package object

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Hash is the id of a Git object.
type Hash = plumbing.Hash

const (
	// HashSize is how many bytes an id has.
	HashSize    = 20
	fanoutStart = 8
	namesStart  = fanoutStart + 256*4
)

var indexMagic = []byte{0xff, 't', 'O', 'c'}

// packIndex finds objects in a pack. It is the pack's .idx file as it stands (version 2,
// gitformat-pack(5)), searched without being decoded.
type packIndex struct {
	data  []byte
	count int
}

// parseIndex checks data's frame, so that lookups need no more checks than the one of
// an offset.
func parseIndex(data []byte) (*packIndex, error) {
	if len(data) < namesStart || !bytes.Equal(data[:4], indexMagic) {
		return nil, errors.New("not a pack index of version 2: run git repack -a -d in the repository")
	}
	if v := binary.BigEndian.Uint32(data[4:]); v != 2 {
		return nil, fmt.Errorf("pack index of version %d, known is 2: run git repack -a -d in the repository", v)
	}
	var last uint32
	for i := range 256 {
		n := binary.BigEndian.Uint32(data[fanoutStart+4*i:])
		if n < last {
			return nil, errors.New("pack index is damaged: its fan-out table falls")
		}
		last = n
	}
	const perObject = HashSize + 4 + 4 // name, checksum, offset
	if uint64(len(data)) < namesStart+uint64(last)*perObject+2*HashSize {
		return nil, errors.New("pack index is cut off")
	}
	return &packIndex{data: data, count: int(last)}, nil
}

// name returns the id of object i, counted in the order of ids.
func (x *packIndex) name(i int) []byte {
	return x.data[namesStart+i*HashSize:][:HashSize]
}

// bounds returns the range of objects whose id starts with first.
func (x *packIndex) bounds(first byte) (from, to int) {
	if first > 0 {
		from = int(binary.BigEndian.Uint32(x.data[fanoutStart+4*(int(first)-1):]))
	}
	return from, int(binary.BigEndian.Uint32(x.data[fanoutStart+4*int(first):]))
}

// find returns the offset of an object in the pack.
func (x *packIndex) find(h Hash) (offset int64, ok bool) {
	lo, hi := x.bounds(h[0])
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch bytes.Compare(x.name(mid), h[:]) {
		case 0:
			return x.offset(mid)
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
}

// offset returns where object i starts. Offsets above 2 GiB stand in a table of their own.
func (x *packIndex) offset(i int) (int64, bool) {
	at := namesStart + x.count*(HashSize+4) + 4*i
	short := binary.BigEndian.Uint32(x.data[at:])
	if short&(1<<31) == 0 {
		return int64(short), true
	}
	far := namesStart + x.count*(HashSize+8) + 8*int(short&^(1<<31))
	if far+8 > len(x.data)-2*HashSize {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(x.data[far:]) &^ (1 << 63)), true
}

// withPrefix adds to found every id whose hexadecimal form starts with prefix.
func (x *packIndex) withPrefix(prefix string, first byte, found map[Hash]bool) {
	for i, to := x.bounds(first); i < to; i++ {
		h := Hash(x.name(i))
		if h.String()[:len(prefix)] == prefix {
			found[h] = true
		}
	}
}

// packChecksum returns the checksum of the pack that the index belongs to.
func (x *packIndex) packChecksum() []byte {
	return x.data[len(x.data)-2*HashSize:][:HashSize]
}
