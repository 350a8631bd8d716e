package streams

import "testing"

func TestTheStreamsHaveLessThanAllOfTheStorage(t *testing.T) {
	t.Parallel()
	for _, total := range []int64{LeastStorage, 4 << 20, 200 << 20, 1 << 30, 10 << 30, 64 << 30, 1 << 40, 1 << 50} {
		sum := int64(0)
		for stream, bytes := range Shares(total) {
			if sum += bytes; bytes <= 0 {
				t.Errorf("of %d bytes the stream %s may store %d", total, stream, bytes)
			}
		}
		if sum >= total {
			t.Errorf("of %d bytes the streams may store %d", total, sum)
		}
	}
}

func TestWhatAStreamMayStoreStaysWhereDisksChange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ want, had, is int64 }{
		{1000, 0, 1000}, {1000, -1, 1000}, {1000, 499, 1000}, {1000, 500, 500}, {1000, 1000, 1000}, {1000, 1050, 1050}, {1000, 1100, 1000},
	} {
		if is := Steady(tc.want, tc.had); is != tc.is {
			t.Errorf("a stream that is to store %d and could store %d may store %d, want %d", tc.want, tc.had, is, tc.is)
		}
	}
}
