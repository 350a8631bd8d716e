package fetch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// TestOnceFetchesEachSourceOnce: and a failure is not tried again either.
func TestOnceFetchesEachSourceOnce(t *testing.T) {
	t.Parallel()
	var told []string
	u := &upstream{revision: "one"}
	o := NewOnce(t.TempDir(), u.open, func(line string) { told = append(told, line) })
	below := shop
	below.Folder = "deploy"
	for _, s := range []model.Source{shop, below} {
		view, err := o.View(t.Context(), s)
		at(t, view, err, "one")
	}
	u.set("", errAway)
	for range 2 {
		if _, err := o.View(t.Context(), blog); !errors.Is(err, errAway) {
			t.Errorf("a source that is away gives %v", err)
		}
	}
	if opened, fetched, closed := u.counts(); opened != 2 || fetched != 2 || closed != 2 {
		t.Errorf("two sources are opened %d times, fetched %d times and closed %d times", opened, fetched, closed)
	}
	if want := []string{"fetching " + shop.String(), "fetching " + blog.String()}; !slices.Equal(told, want) {
		t.Errorf("it tells %q, want %q", told, want)
	}
}

// TestOnceGoesOnWithWhatItKept: where the source is away it says so, and a fixed revision is not asked for again.
func TestOnceGoesOnWithWhatItKept(t *testing.T) {
	t.Parallel()
	fixed := shop
	fixed.Revision = "0123456789012345678901234567890123456789"
	dir := t.TempDir()
	u := &upstream{revision: "one"}
	first := NewOnce(dir, u.open, func(string) {})
	for _, s := range []model.Source{shop, fixed} {
		view, err := first.View(t.Context(), s)
		at(t, view, err, "one")
	}
	u.set("", errAway)
	var told []string
	again := NewOnce(dir, u.open, func(line string) { told = append(told, line) })
	for _, s := range []model.Source{shop, fixed} {
		view, err := again.View(t.Context(), s)
		at(t, view, err, "one")
	}
	if len(told) != 2 || !strings.Contains(told[1], errAway.Error()) || !strings.Contains(told[1], "at one") {
		t.Errorf("it tells %q", told)
	}
	if _, fetched, _ := u.counts(); fetched != 3 {
		t.Errorf("%d fetches, want 3: the fixed revision is there", fetched)
	}
}

// TestOnceForgetsWhatWasInterrupted: the next call fetches.
func TestOnceForgetsWhatWasInterrupted(t *testing.T) {
	t.Parallel()
	u := &upstream{revision: "one", takes: time.Hour}
	o := NewOnce(t.TempDir(), u.open, func(string) {})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.View(ctx, shop); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted call gives %v", err)
	}
	u.takes = 0
	view, err := o.View(t.Context(), shop)
	at(t, view, err, "one")
}
