package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestReportAndEventComeBackAsTheyWere(t *testing.T) {
	report, err := DecodeReport(mustJSON(t, testReport()), "staging")
	if err != nil || !reflect.DeepEqual(report, testReport()) {
		t.Errorf("report: %v\ngot  %+v\nwant %+v", err, report, testReport())
	}
	event, err := DecodeEvent(mustJSON(t, testEvent()), "staging")
	if err != nil || !reflect.DeepEqual(event, testEvent()) {
		t.Errorf("event: %v\ngot  %+v\nwant %+v", err, event, testEvent())
	}
}

// What is refused because it would take much more memory than it has bytes is nothing that an agent says.
func TestAReportThatIsAsLargeAsOneMayBeIsTaken(t *testing.T) {
	ref := ObjectRef{Kind: "Pod", Namespace: "d", Name: "p-12345"}
	for name, add := range map[string]func(*Report){
		"apps": func(r *Report) {
			r.Apps = append(r.Apps, AppReport{Name: "a", Phase: PhaseHealthy, Health: HealthCurrent, Objects: 1})
		},
		"problems": func(r *Report) { r.Apps[0].Problems = append(r.Apps[0].Problems, Problem{ref, HealthDegraded, "why"}) },
		"held": func(r *Report) {
			r.Held = append(r.Held, Held{ID: "0123456789", Kind: HoldOrphans, Count: 20, Message: "why"})
			for h := &r.Held[len(r.Held)-1]; len(h.Objects) < MaxHeldObjects; {
				h.Objects = append(h.Objects, ref)
			}
		},
	} {
		r := testReport()
		per := len(mustJSON(t, r))
		add(&r)
		for per = len(mustJSON(t, r)) - per; len(mustJSON(t, r))+100*per < MaxReport; {
			for range 100 {
				add(&r)
			}
		}
		if _, err := DecodeReport(mustJSON(t, r), "staging"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"apps": `"apps":[`, "held": `"held":[`, "fields": `"drift":{},"x":[`} {
		data := []byte(`{"version":1,"cluster":"staging",` + text + strings.Repeat("null,", 150_000) + `null]}`)
		if _, err := DecodeReport(data, "staging"); !errors.Is(err, ErrMalformed) {
			t.Errorf("150,000 empty %s are taken: %v", name, err)
		}
	}
}

func TestReportsAndEventsAreRefusedForAReason(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want error
		says string
	}{
		"nothing":                   {``, ErrMalformed, ""},
		"no JSON":                   {`hello`, ErrMalformed, ""},
		"cut short":                 {`{"version":1,"cluster":"staging"`, ErrMalformed, ""},
		"a list":                    {`[]`, ErrMalformed, ""},
		"a field of another type":   {`{"version":1,"cluster":"staging","seq":"one"}`, ErrMalformed, "seq"},
		"two values":                {`{"cluster":"staging"} {}`, ErrMalformed, ""},
		"a giant":                   {`{"cluster":"staging","x":"` + string(bytes.Repeat([]byte("x"), MaxReport)) + `"}`, ErrMalformed, "bytes"},
		"another cluster's":         {`{"version":1,"cluster":"production"}`, ErrForeign, `"production"`},
		"nobody's":                  {`{"version":1}`, ErrForeign, `""`},
		"null":                      {`null`, ErrForeign, ""},
		"a newer version":           {`{"version":2,"cluster":"staging"}`, ErrVersion, "this hub speaks 1: upgrade it"},
		"a newer version, reshaped": {`{"version":2,"cluster":{"name":"staging"},"seq":"1"}`, ErrVersion, "of wire version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := DecodeReport([]byte(c.data), "staging")
			if !errors.Is(err, c.want) || !reflect.DeepEqual(report, Report{}) {
				t.Errorf("report: %+v, %v; want %v", report, err, c.want)
			}
			wantError(t, err, c.says)
			event, err := DecodeEvent([]byte(c.data), "staging")
			if !errors.Is(err, c.want) || !reflect.DeepEqual(event, Event{}) {
				t.Errorf("event: %+v, %v; want %v", event, err, c.want)
			}
			wantError(t, err, c.says)
		})
	}
}

// TestUnknownFieldsAndKindsAreIgnored puts fields that this release does not know at every level of every message: a
// newer writer must be readable as long as it does not raise Version.
func TestUnknownFieldsAndKindsAreIgnored(t *testing.T) {
	t.Run("report", func(t *testing.T) {
		want := testReport()
		want.Apps[0].Phase, want.Apps[0].Health = "migrating", "sleeping" // words of a newer agent are kept as they are
		want.Drift.Last.Kind = "teleported"
		got, err := DecodeReport(withUnknown(t, want), "staging")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
	t.Run("event", func(t *testing.T) {
		want := testEvent()
		want.Kind = "teleported"
		got, err := DecodeEvent(withUnknown(t, want), "staging")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
	t.Run("credential", func(t *testing.T) {
		want := testCredential(t)
		got, err := DecodeCredential(withUnknown(t, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
	t.Run("bundle", func(t *testing.T) {
		want := testBundle()
		envelope := withUnknown(t, json.RawMessage(signAnything(t, BundleType, withUnknown(t, want), testKey("hub"))))
		got, err := VerifyBundle(envelope, "staging", testCredential(t).SigningKeys())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
		if got.Digest() != want.Digest() {
			t.Error("a field that is not known changed the digest")
		}
	})
}

// withUnknown gives the JSON of a message with fields put into every object in it that nobody knows.
func withUnknown(t *testing.T, message any) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(mustJSON(t, message), &v); err != nil {
		t.Fatal(err)
	}
	objects := 0
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				add(inner)
			}
			v["xTomorrow"] = map[string]any{"deep": []any{1, nil, "x"}}
			v["xNull"] = nil
			objects++
		case []any:
			for _, inner := range v {
				add(inner)
			}
		}
	}
	add(v)
	if objects == 0 {
		t.Fatal("no object to put a field into")
	}
	return mustJSON(t, v)
}

func TestMillisKeepMicroseconds(t *testing.T) {
	for d, want := range map[time.Duration]Millis{0: 0, time.Second: 1000, 1500 * time.Microsecond: 1.5, 999 * time.Nanosecond: 0} {
		if got := MillisOf(d); got != want {
			t.Errorf("%s is %v ms, want %v", d, got, want)
		}
	}
}
