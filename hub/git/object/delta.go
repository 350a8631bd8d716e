package object

import "errors"

// ErrDelta says that a delta does not follow gitformat-pack(5).
var ErrDelta = errors.New("delta is damaged")

// patch applies a delta (gitformat-pack(5)) to base. The result may be no larger than limit bytes.
func patch(base, delta []byte, limit int64) ([]byte, error) {
	from, delta, ok := DeltaNumber(delta)
	size, delta, ok2 := DeltaNumber(delta)
	switch {
	case !ok || !ok2 || from != int64(len(base)):
		return nil, ErrDelta
	case size > limit:
		return nil, &TooLargeError{size, limit}
	}
	out := make([]byte, 0, size)
	for len(delta) > 0 {
		var piece []byte
		if piece, delta, ok = deltaPiece(base, delta); !ok || len(piece) > cap(out)-len(out) {
			return nil, ErrDelta
		}
		out = append(out, piece...)
	}
	if len(out) != int(size) {
		return nil, ErrDelta
	}
	return out, nil
}

// deltaPiece decodes the next instruction: a copy from the base, or bytes that follow.
func deltaPiece(base, delta []byte) (piece, rest []byte, ok bool) {
	op, delta := delta[0], delta[1:]
	if op&0x80 == 0 {
		if op == 0 || int(op) > len(delta) {
			return nil, nil, false
		}
		return delta[:op], delta[op:], true
	}
	var args [7]int // four bytes of offset, three of size, least first; those whose bit is set are there
	for i := range args {
		if op&(1<<i) == 0 {
			continue
		}
		if len(delta) == 0 {
			return nil, nil, false
		}
		args[i], delta = int(delta[0]), delta[1:]
	}
	offset := args[0] | args[1]<<8 | args[2]<<16 | args[3]<<24
	size := args[4] | args[5]<<8 | args[6]<<16
	if size == 0 {
		size = 1 << 16
	}
	if offset < 0 || offset > len(base) || size > len(base)-offset {
		return nil, nil, false
	}
	return base[offset:][:size], delta, true
}

// DeltaNumber decodes a number of seven bits a byte, least first.
func DeltaNumber(delta []byte) (n int64, rest []byte, ok bool) {
	for i, b := range delta {
		if i > 6 {
			break
		}
		n |= int64(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			return n, delta[i+1:], true
		}
	}
	return 0, nil, false
}

// deltaSize returns the size of what a delta makes, which stands after the size of its base.
func deltaSize(delta []byte) (int64, error) {
	_, delta, ok := DeltaNumber(delta)
	size, _, ok2 := DeltaNumber(delta)
	if !ok || !ok2 {
		return 0, ErrDelta
	}
	return size, nil
}
