package git

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// maxRatio is the most that deflate can shrink something, rounded up (RFC 1951 gives 1032).
const maxRatio = 1040

// tooLargeError says that an object was not read because of its size in bytes.
type tooLargeError struct{ size, limit int64 }

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%d bytes, and %d are read at most", e.size, e.limit)
}

var (
	buffers   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}
	inflaters sync.Pool
)

func getBuffer() *bufio.Reader  { return buffers.Get().(*bufio.Reader) }
func putBuffer(r *bufio.Reader) { r.Reset(nil); buffers.Put(r) }

// inflater returns a reader of the zlib stream in r.
func inflater(r io.Reader) (io.ReadCloser, error) {
	if z, ok := inflaters.Get().(io.ReadCloser); ok {
		return z, z.(zlib.Resetter).Reset(r, nil)
	}
	return zlib.NewReader(r)
}

// inflate reads a zlib stream of exactly size bytes, and checks its checksum.
func inflate(r io.Reader, size int64) ([]byte, error) {
	z, err := inflater(r)
	if err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	return readExactly(z, size)
}

// readExactly reads size bytes from z and makes sure that the stream ends there.
func readExactly(z io.Reader, size int64) ([]byte, error) {
	data := make([]byte, size)
	if _, err := io.ReadFull(z, data); err != nil {
		return nil, noEOF(err)
	}
	var more [1]byte
	switch n, err := z.Read(more[:]); {
	case n > 0:
		return nil, errors.New("object is longer than it says")
	case err != io.EOF:
		return nil, noEOF(err)
	}
	return data, nil
}

// inflateHead reads the first n bytes of a zlib stream, or all if there are fewer.
func inflateHead(r io.Reader, n int) ([]byte, error) {
	z, err := inflater(r)
	if err != nil {
		return nil, err
	}
	defer inflaters.Put(z)
	head := make([]byte, n)
	n, err = io.ReadFull(z, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, noEOF(err)
	}
	return head[:n], nil
}

func noEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// looseTypes are the types of object by the name that a loose object's head gives.
var looseTypes = map[string]byte{"commit": typeCommit, "tree": typeTree, "blob": typeBlob, "tag": typeTag}

// readLoose reads the loose object in the file at path. With limit < 0 it reads the head
// only, and data is nil.
func readLoose(path string, limit int64) (obj rawObject, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return obj, 0, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return obj, 0, err
	}
	return decodeLoose(f, info.Size(), limit)
}

// decodeLoose decodes a loose object of stored bytes: "type size", a zero byte, the content.
func decodeLoose(f io.Reader, stored, limit int64) (obj rawObject, size int64, err error) {
	raw := getBuffer()
	defer putBuffer(raw)
	raw.Reset(f)
	z, err := inflater(raw)
	if err != nil {
		return obj, 0, noEOF(err)
	}
	defer inflaters.Put(z)
	r := getBuffer()
	defer putBuffer(r)
	r.Reset(z)
	head, err := r.ReadSlice(0)
	if err != nil {
		return obj, 0, errors.New("head of the object is damaged")
	}
	kind, digits, _ := bytes.Cut(head[:len(head)-1], []byte(" "))
	size, err = strconv.ParseInt(string(digits), 10, 64)
	if obj.kind = looseTypes[string(kind)]; err != nil || obj.kind == 0 || size < 0 {
		return obj, 0, errors.New("head of the object is damaged")
	}
	switch {
	case limit < 0:
		return obj, size, nil
	case size > limit:
		return obj, size, &tooLargeError{size, limit}
	case size/maxRatio > stored:
		return obj, size, errors.New("object is cut off")
	}
	obj.data, err = readExactly(r, size)
	return obj, size, err
}
