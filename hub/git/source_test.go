package git

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/git/repository"
	"github.com/drover-dev/drover/hub/model"
)

// fakeOrigin answers looks with what it is told, and notes when they happened.
type fakeOrigin struct {
	start time.Time
	looks []time.Duration
	err   error
	hint  chan struct{}
}

func (f *fakeOrigin) look(context.Context) (repository.Head, error) {
	f.looks = append(f.looks, time.Since(f.start))
	return repository.Head{}, f.err
}
func (f *fakeOrigin) known() (repository.Head, bool) { return repository.Head{}, false }
func (f *fakeOrigin) open(repository.Head) (*repository.Snapshot, error) {
	return &repository.Snapshot{}, nil
}
func (f *fakeOrigin) moved() <-chan struct{}         { return f.hint }
func (f *fakeOrigin) close() error                   { return nil }
func newFake(err error) *fakeOrigin                  { return &fakeOrigin{start: time.Now(), err: err} }
func (f *fakeOrigin) want(t *testing.T, s ...string) { t.Helper(); wantTimes(t, f.looks, s) }

// wantTimes checks times against others, give or take a tenth of each step before.
func wantTimes(t *testing.T, got []time.Duration, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("looks at %v, want %v", got, want)
	}
	for i, w := range want {
		d, _ := time.ParseDuration(w)
		if got[i] < d-d/10 || got[i] > d+d/10 {
			t.Errorf("looks at %v, want %v", got, want)
		}
	}
}

var zero = object.Hash{}.String()

func TestErrorsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(errors.New("away"))
		s := newSource(f, 10*time.Second)
		for range 7 {
			if _, err := s.Next(t.Context(), zero); err == nil {
				t.Fatal("no error")
			}
		}
		f.want(t, "0s", "1s", "3s", "7s", "15s", "25s", "35s")
		f.err = nil // it recovers, and the next error starts from the beginning
		if _, err := s.Next(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		f.start, f.looks, f.err = time.Now(), nil, errors.New("away")
		for range 3 {
			_, _ = s.Next(t.Context(), zero)
		}
		f.want(t, "10s", "11s", "13s")
	})
}

func TestPollsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(nil)
		s := newSource(f, 30*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		if _, err := s.Next(ctx, zero); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		f.want(t, "0s", "30s", "60s", "90s")
		if f.looks[1] == 30*time.Second && f.looks[2] == 60*time.Second && f.looks[3] == 90*time.Second {
			t.Errorf("no jitter: %v", f.looks)
		}
	})
}

func TestPokes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(errors.New("away"))
		s := newSource(f, time.Hour)
		for range 3 {
			s.Poke() // cuts every wait short, and a poke that nobody waited for is not lost
			_, _ = s.Next(t.Context(), zero)
		}
		f.want(t, "0s", "0s", "0s")
		f.err = nil
		s.Poke()
		if snap, err := s.Next(t.Context(), zero); snap == nil || err != nil {
			t.Errorf("that it can be read again is not told: %v", err)
		}
		done := make(chan model.Snapshot)
		go func() { snap, _ := s.Next(t.Context(), zero); done <- snap }()
		synctest.Wait()
		f.want(t, "0s", "0s", "0s", "0s")
		for range 100 {
			s.Poke()
		}
		synctest.Wait()
		if n := len(f.looks); n < 5 || n > 6 {
			t.Errorf("100 pokes are %d looks", n-4)
		}
		f.err = errors.New("away")
		s.Poke()
		if snap := <-done; snap != nil {
			t.Error("a snapshot and an error")
		}
	})
}

func TestHintsCutWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(errors.New("away"))
		f.hint = make(chan struct{}, 1)
		s := newSource(f, time.Hour)
		_, _ = s.Next(t.Context(), zero)
		time.AfterFunc(time.Millisecond, func() { f.hint <- struct{}{} })
		_, _ = s.Next(t.Context(), zero)
		f.want(t, "0s", "1ms")
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for name, tt := range map[string]struct {
		opts Options
		want string
	}{
		"no URL":     {Options{}, "no repository is given: name a path, or a URL such as https://host/fleet.git or git@host:fleet.git"},
		"scheme":     {Options{URL: "git://ada:pw@host/x"}, "repository git://host/x: git is not supported: use a path, file, https, http or ssh"},
		"bad URL":    {Options{URL: "https://ada:p%w@host/x"}, "repository https://host/x: not a URL: percent-encode what is special in it"},
		"no host":    {Options{URL: "https:///x"}, "repository https:///x: it names no host: write it before the path"},
		"file host":  {Options{URL: "file://host/x"}, "repository file://host/x: a file URL has no host: write file:///path"},
		"no path":    {Options{URL: "git@host:"}, "repository git@host:: neither a path nor a URL: write git@host:path or ssh://git@host/path"},
		"no dir":     {Options{URL: "https://host/x"}, "repository https://host/x: no folder is given for its mirror: give one"},
		"branch":     {Options{URL: "/x", Branch: "../../x"}, `repository /x: "../../x" cannot be the name of a branch: correct it`},
		"poll":       {Options{URL: "/x", PollInterval: -1}, "repository /x: poll interval -1ns is negative: leave it out for 30s"},
		"dir by scp": {Options{URL: "git@host:x/y"}, "repository git@host:x/y: no folder is given for its mirror: give one"},
	} {
		if _, err := Open(tt.opts); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error is\n  %v\nwant\n  %s", name, err, tt.want)
		}
	}
}

// A caller who has to know where the branch is now is told by a look that began after the question, also if nothing
// has moved.
func TestRefreshTellsWhatIsFoundAlsoIfNothingMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(nil)
		s := newSource(f, time.Hour)
		first := next(t, s, "")
		time.Sleep(time.Minute)
		asked := time.Now()
		s.Refresh()
		again := next(t, s, zero)
		if !first.Fetched().Before(asked) || again.Fetched().Before(asked) {
			t.Errorf("asked at %s, fetched at %s and %s", asked, first.Fetched(), again.Fetched())
		}
		f.err = errors.New("away")
		s.Refresh()
		if _, err := s.Next(t.Context(), zero); err == nil {
			t.Fatal("no error")
		}
		f.err = nil
		if snap := next(t, s, zero); snap.Fetched().IsZero() {
			t.Error("after an error it is not told that it can be read")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if snap, err := s.Next(ctx, zero); err == nil {
			t.Errorf("told again: %v", snap.Revision())
		}
	})
}
