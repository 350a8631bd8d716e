package object

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
)

// Types of object, as a pack numbers them (gitformat-pack(5)).
const (
	typeCommit   = 1
	typeTree     = 2
	TypeBlob     = 3
	typeTag      = 4
	TypeOfsDelta = 6
	TypeRefDelta = 7
)

const (
	MaxObject  = 256 << 20 // bytes; the largest object that is read at all, as a base of others
	maxIndex   = 512 << 20 // bytes of the index of a pack: some 15 million objects
	MaxChain   = 4096      // deltas on top of one object; git makes at most 4095
	PackHeader = 12        // bytes before the first object
)

// pack is an open pack file. It is safe for concurrent use: all reads are positioned.
// It is closed when nothing refers to it any more, and until then it is readable
// even if git deletes it.
type pack struct {
	id    uint64 // of this opening, for the cache of bases, which must not keep the file open
	file  *os.File
	size  int64
	index *packIndex
	bases *cache[baseKey, Raw]
}

// baseKey names an object that deltas were applied to.
type baseKey struct {
	pack   uint64
	offset int64
}

var packsOpened atomic.Uint64

// Raw is an object's type and content.
type Raw struct {
	Kind byte
	Data []byte
}

// openPack opens the pack whose index file is idxPath.
func openPack(idxPath string, bases *cache[baseKey, Raw]) (_ *pack, err error) {
	data, err := ReadAtMost(idxPath, maxIndex)
	if err != nil {
		return nil, err
	}
	index, err := parseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", idxPath, err)
	}
	f, err := os.Open(strings.TrimSuffix(idxPath, ".idx") + ".pack")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := &pack{id: packsOpened.Add(1), file: f, size: info.Size(), index: index, bases: bases}
	sum := make([]byte, HashSize)
	if _, err := f.ReadAt(sum, p.size-HashSize); err != nil || !bytes.Equal(sum, index.packChecksum()) {
		return nil, fmt.Errorf("read %s: it does not belong to its index, or is cut off", f.Name())
	}
	return p, nil
}

// packEntry is the head of an object in a pack.
type packEntry struct {
	kind byte
	size int64 // of what is compressed there: the content, or the delta
	base int64 // offset of the object that a delta is applied to
}

// entry reads the head of the object at offset, and leaves r at its compressed data.
func (p *pack) entry(r *bufio.Reader, offset int64) (e packEntry, err error) {
	if offset < PackHeader || offset >= p.size-HashSize {
		return e, errors.New("offset outside of the pack")
	}
	r.Reset(io.NewSectionReader(p.file, offset, p.size-HashSize-offset))
	b, err := r.ReadByte()
	if err != nil {
		return e, err
	}
	e.kind, e.size = b>>4&7, int64(b&15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = r.ReadByte(); err != nil {
			return e, err
		}
		if shift > 39 {
			return e, errors.New("object is too large")
		}
		e.size |= int64(b&0x7f) << shift
	}
	switch e.kind {
	case typeCommit, typeTree, TypeBlob, typeTag:
	case TypeOfsDelta:
		e.base, err = OffsetBase(r, offset)
	case TypeRefDelta:
		e.base, err = p.namedBase(r)
	default:
		err = fmt.Errorf("unknown object type %d", e.kind)
	}
	return e, err
}

// OffsetBase reads the distance from a delta at offset back to its base.
func OffsetBase(r io.ByteReader, offset int64) (int64, error) {
	b, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	distance := int64(b & 0x7f)
	for b&0x80 != 0 {
		if b, err = r.ReadByte(); err != nil {
			return 0, err
		}
		distance = (distance+1)<<7 | int64(b&0x7f)
		if distance > offset {
			return 0, errors.New("delta before the start of the pack")
		}
	}
	if distance == 0 || distance > offset {
		return 0, errors.New("delta before the start of the pack")
	}
	return offset - distance, nil
}

// namedBase reads the id of a delta's base, which is in the same pack.
func (p *pack) namedBase(r *bufio.Reader) (int64, error) {
	var h Hash
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, err
	}
	base, ok := p.index.find(h)
	if !ok {
		return 0, fmt.Errorf("base %s of a delta is not in the pack", h)
	}
	return base, nil
}

// step is a delta that waits for its base.
type step struct {
	offset int64
	delta  []byte
}

// read returns the object at offset, which may be no larger than limit bytes.
func (p *pack) read(offset, limit int64) (Raw, error) {
	var steps []step
	for at := offset; ; {
		if base, ok := p.bases.get(baseKey{p.id, at}); ok {
			return p.apply(base, steps, limit)
		}
		e, data, err := p.inflateAt(at, limit, len(steps) > 0)
		switch {
		case err != nil:
			return Raw{}, err
		case e.kind < TypeOfsDelta:
			base := Raw{e.kind, data}
			if len(steps) > 0 {
				p.bases.put(baseKey{p.id, at}, base, len(data))
			}
			return p.apply(base, steps, limit)
		case len(steps) == MaxChain:
			return Raw{}, errors.New("chain of deltas is too long")
		}
		steps = append(steps, step{at, data})
		at = e.base
	}
}

// inflateAt reads the data stored at offset: an object's content, or a delta.
func (p *pack) inflateAt(offset, limit int64, isBase bool) (packEntry, []byte, error) {
	r := getBuffer()
	defer putBuffer(r)
	e, err := p.entry(r, offset)
	if err != nil {
		return e, nil, err
	}
	if isBase || e.kind >= TypeOfsDelta {
		limit = MaxObject
	}
	if e.size > limit {
		return e, nil, &TooLargeError{e.size, limit}
	}
	if e.size/maxRatio > p.size-offset {
		return e, nil, errors.New("object is cut off")
	}
	data, err := inflate(r, e.size)
	return e, data, err
}

// apply applies deltas, last first, to base. What was a base on the way is remembered,
// because its neighbours are mostly made from it too.
func (p *pack) apply(base Raw, steps []step, limit int64) (Raw, error) {
	if len(steps) == 0 && int64(len(base.Data)) > limit {
		return Raw{}, &TooLargeError{int64(len(base.Data)), limit}
	}
	for i := len(steps) - 1; i >= 0; i-- {
		most := int64(MaxObject)
		if i == 0 {
			most = limit
		}
		data, err := patch(base.Data, steps[i].delta, most)
		if err != nil {
			return Raw{}, err
		}
		base.Data = data
		if i > 0 {
			p.bases.put(baseKey{p.id, steps[i].offset}, base, len(data))
		}
	}
	return base, nil
}

// stat returns the type and the size of the object at offset without reading all of it.
func (p *pack) stat(offset int64) (kind byte, size int64, err error) {
	r := getBuffer()
	defer putBuffer(r)
	e, err := p.entry(r, offset)
	if err != nil {
		return 0, 0, err
	}
	if kind, size = e.kind, e.size; kind >= TypeOfsDelta {
		head, err := inflateHead(r, 20)
		if err != nil {
			return 0, 0, err
		}
		if size, err = deltaSize(head); err != nil {
			return 0, 0, err
		}
	}
	for hops := 0; kind >= TypeOfsDelta; hops++ {
		if e, err = p.entry(r, e.base); err != nil {
			return 0, 0, err
		}
		if hops > MaxChain {
			return 0, 0, errors.New("chain of deltas is too long")
		}
		kind = e.kind
	}
	return kind, size, nil
}
