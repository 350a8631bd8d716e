package planning

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/input"
)

// Nothing is tried again for an input whose watch tells when it is there.
func TestWhatAWatchTellsOfIsAwaited(t *testing.T) {
	t.Parallel()
	lacking := fmt.Errorf("make the plan: %w", &input.Lacking{Ref: vars()})
	for name, c := range map[string]struct {
		err     error
		version uint64
		watched bool
		want    bool
	}{
		"nothing is wrong":             {nil, 0, true, false},
		"the hub is away":              {agent.ErrOffline, 0, true, false},
		"it is not there, and watched": {lacking, 0, true, true},
		"its watch has not begun":      {lacking, 0, false, false},
		"it has come in the meanwhile": {lacking, 3, true, false},
	} {
		s := begin(t)
		s.versions[vars()], s.watched[vars()] = c.version, c.watched
		if got := s.Awaits(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestWhenAPlanIsTriedAgain(t *testing.T) {
	t.Parallel()
	bad := errors.New("the blob was altered")
	for name, c := range map[string]struct {
		before error
		online bool
		back   time.Duration // when the hub comes back; 0 for never
		least  time.Duration // until the first try
		most   time.Duration
	}{
		"nothing was tried before":             {nil, false, 0, 0, 0},
		"nothing was tried before, with a hub": {nil, true, 0, 0, 0},
		"the hub was away, and is back":        {agent.ErrOffline, true, 0, 0, 0},
		"the hub is away, and comes back": {agent.ErrOffline, false, 100 * time.Millisecond,
			100 * time.Millisecond, 100 * time.Millisecond},
		"the hub stays away":  {agent.ErrOffline, false, 0, 500 * time.Millisecond, time.Second},
		"the blob is invalid": {bad, true, 0, 500 * time.Millisecond, time.Second},
		"the blob is invalid, and the hub is away": {bad, false, 100 * time.Millisecond, 100 * time.Millisecond,
			100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start, tries := begin(t), time.Now(), 0
				s.Online.Set(c.online)
				if c.back > 0 {
					time.AfterFunc(c.back, func() { s.Online.Set(true) })
				}
				s.Retry(t.Context(), c.before, func(context.Context) bool { tries++; return true })
				if took := time.Since(start); tries != 1 || took < c.least || took > c.most {
					t.Errorf("%d tries after %s", tries, took)
				}
			})
		})
	}
}

// With a hub that answers, pauses double: a blob that is invalid does not become better.
func TestTriesAreSpacedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, last := begin(t), time.Now()
		s.Online.Set(true)
		var pauses []time.Duration
		s.Retry(t.Context(), nil, func(context.Context) bool {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			return len(pauses) == 9
		})
		for i, p := range pauses {
			most := time.Duration(0)
			if i > 0 {
				most = min(time.Second<<(i-1), time.Minute)
			}
			if p < most/2 || p > most {
				t.Errorf("pause %d is %s, not about %s", i, p, most)
			}
		}
	})
}

// A hub that is away is asked as soon as it is back, and the pauses are short again: nothing was wrong with the blob.
func TestAHubThatComesBackIsAskedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, tries := begin(t), 0
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		s.Retry(ctx, agent.ErrOffline, func(context.Context) bool { tries++; return false })
		if tries < 3600 || tries > 7200 { // between half a second and a second each
			t.Errorf("%d tries in an hour without a hub", tries)
		}
		if ctx.Err() == nil {
			t.Error("it does not end with its context")
		}
	})
}
