package object

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

// TooLargeError says that an object was not read because of its size in bytes.
type TooLargeError struct{ size, limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
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
		return nil, NoEOF(err)
	}
	var more [1]byte
	switch n, err := z.Read(more[:]); {
	case n > 0:
		return nil, errors.New("object is longer than it says")
	case err != io.EOF:
		return nil, NoEOF(err)
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
		return nil, NoEOF(err)
	}
	return head[:n], nil
}

// NoEOF makes an end of input that came too early an error of its own, io.ErrUnexpectedEOF.
func NoEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// LooseTypes are the types of object by the name that a loose object's head gives.
var LooseTypes = map[string]byte{"commit": typeCommit, "tree": typeTree, "blob": TypeBlob, "tag": typeTag}

// readLoose reads the loose object in the file at path. With limit < 0 it reads the head
// only, and data is nil.
func readLoose(path string, limit int64) (obj Raw, size int64, err error) {
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
func decodeLoose(f io.Reader, stored, limit int64) (obj Raw, size int64, err error) {
	raw := getBuffer()
	defer putBuffer(raw)
	raw.Reset(f)
	z, err := inflater(raw)
	if err != nil {
		return obj, 0, NoEOF(err)
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
	if obj.Kind = LooseTypes[string(kind)]; err != nil || obj.Kind == 0 || size < 0 {
		return obj, 0, errors.New("head of the object is damaged")
	}
	switch {
	case limit < 0:
		return obj, size, nil
	case size > limit:
		return obj, size, &TooLargeError{size, limit}
	case size/maxRatio > stored:
		return obj, size, errors.New("object is cut off")
	}
	obj.Data, err = readExactly(r, size)
	return obj, size, err
}

// ReadAtMost reads a file of a repository that may be on this machine, where no server has bounded it.
func ReadAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Size() > limit {
		return nil, fmt.Errorf("%s: %w", path, &TooLargeError{info.Size(), limit})
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
