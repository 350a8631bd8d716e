package bounds

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zlib"

	"github.com/drover-dev/drover/hub/git/object"
)

// packCheck reads a pack as it comes, without keeping more of it than where its objects begin, and finds out what it
// would unfold to.
type packCheck struct {
	in       *bufio.Reader
	at       int64 // bytes read
	bounds   Bounds
	offsets  []int64  // of the objects so far, rising
	depths   []uint16 // of their chains of deltas
	unfolded int64    // see object
	largest  int64    // bytes of the largest object
	inflater io.ReadCloser
}

// cachedObject is the size up to which go-git keeps what deltas are applied to, so that a chain of them is not
// followed again for each object of it.
const cachedObject = 16 << 20

// checkPack reads the pack in r and says whether it exceeds the bounds. What is wrong with it otherwise is left to
// go-git.
func checkPack(r io.Reader, b Bounds) error {
	_, err := weighPack(r, b)
	return err
}

// weighPack does what checkPack does, and gives the size of the largest object.
func weighPack(r io.Reader, b Bounds) (largest int64, err error) {
	c := &packCheck{in: bufio.NewReaderSize(r, 64<<10), bounds: b}
	err = c.run()
	return c.largest, err
}

func (c *packCheck) run() error {
	var head [object.PackHeader]byte
	if _, err := io.ReadFull(c, head[:]); err != nil || string(head[:4]) != "PACK" {
		return c.drain()
	}
	count := int64(binary.BigEndian.Uint32(head[8:]))
	if most := c.bounds.Objects; count > most {
		return &ExcessError{fmt.Sprintf("a pack with %d objects, and %d are taken at most", count, most)}
	}
	for range count {
		if err := c.object(); err != nil {
			return err
		}
	}
	return c.drain()
}

// drain reads what is left.
func (c *packCheck) drain() error {
	_, _ = io.Copy(io.Discard, c.in)
	return nil
}

// Read implements io.Reader.
func (c *packCheck) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.at += int64(n)
	return n, err
}

// ReadByte implements io.ByteReader, so that decompressing reads no further than it must.
func (c *packCheck) ReadByte() (byte, error) {
	b, err := c.in.ReadByte()
	if err == nil {
		c.at++
	}
	return b, err
}

// object reads one object.
func (c *packCheck) object() error {
	offset := c.at
	kind, size, err := c.head()
	if err != nil {
		return c.damaged(err)
	}
	depth := uint16(0)
	switch kind {
	case object.TypeOfsDelta:
		base, err := object.OffsetBase(c, offset)
		if err != nil {
			return c.damaged(err)
		}
		i, found := slices.BinarySearch(c.offsets, base)
		if !found {
			return c.damaged(fmt.Errorf("delta of an object that is not there"))
		}
		depth = c.depths[i] + 1
	case object.TypeRefDelta:
		var base object.Hash
		if _, err := io.ReadFull(c, base[:]); err != nil {
			return c.damaged(err)
		}
		depth = refDepth
	}
	if depth > object.MaxChain {
		return &ExcessError{fmt.Sprintf("it has a chain of more than %d deltas", object.MaxChain)}
	}
	if size > c.bounds.Object {
		return c.tooLarge(size)
	}
	head, err := c.skip(size)
	if err != nil {
		return c.damaged(err)
	}
	if kind >= object.TypeOfsDelta {
		from, rest, ok := object.DeltaNumber(head)
		result, _, ok2 := object.DeltaNumber(rest)
		if !ok || !ok2 {
			return c.damaged(object.ErrDelta)
		}
		if size = max(result, from); size > c.bounds.Object {
			return c.tooLarge(size)
		}
	}
	c.offsets, c.depths = append(c.offsets, offset), append(c.depths, depth)
	c.unfolded += size
	c.largest = max(c.largest, size)
	if size > cachedObject {
		c.unfolded += size * int64(depth)
	}
	if most := c.bounds.Unfolded + c.at*c.bounds.Ratio; c.unfolded > most {
		return &ExcessError{fmt.Sprintf("%d MiB of it unfold to more than %d MiB", (c.at+1<<20-1)>>20, most>>20)}
	}
	return nil
}

// refDepth is taken for the depth of a delta that names its base by its id, which is not known here: what git makes
// by default.
const refDepth = 50

func (c *packCheck) tooLarge(size int64) error {
	return &ExcessError{fmt.Sprintf("it has an object of %d MiB, and one may have %d MiB", (size+1<<20-1)>>20, c.bounds.Object>>20)}
}

// damagedPack is what go-git would not read either.
func (c *packCheck) damaged(err error) error {
	return fmt.Errorf("the server sends a damaged pack: %w", object.NoEOF(err))
}

// head reads an object's type and the size of what is compressed there.
func (c *packCheck) head() (kind byte, size int64, err error) {
	b, err := c.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	kind, size = b>>4&7, int64(b&15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = c.ReadByte(); err != nil {
			return 0, 0, err
		}
		if shift > 39 {
			return 0, 0, fmt.Errorf("an object is too large")
		}
		size |= int64(b&0x7f) << shift
	}
	return kind, size, nil
}

// skip decompresses what comes next, which may be no longer than size, and gives its first bytes.
func (c *packCheck) skip(size int64) (head []byte, err error) {
	if c.inflater == nil {
		c.inflater, err = zlib.NewReader(c)
	} else {
		err = c.inflater.(zlib.Resetter).Reset(c, nil)
	}
	if err != nil {
		return nil, err
	}
	head = make([]byte, min(size, 20))
	if _, err := io.ReadFull(c.inflater, head); err != nil {
		return nil, err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(c.inflater, size-int64(len(head))+1))
	if err == nil && n != size-int64(len(head)) {
		err = fmt.Errorf("an object does not have the size that it says")
	}
	return head, err
}
