package jsonpath

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestOneValueIsFound(t *testing.T) {
	t.Parallel()
	var document any
	err := json.Unmarshal([]byte(`{"ok":true,"data":[{"value":0.5},{"value":2}],"error rate":{"a.b":"x"},"none":null}`),
		&document)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"{$.ok}": "true", "{.ok}": "true", ".ok": "true", "$.ok": "true",
		" { $.ok}":          "true",
		"{$.data[0].value}": "0.5", "{$.data[-1].value}": "2", "{$['error rate']['a.b']}": "x",
		`{$["error rate"]["a.b"]}`: "x",
		"{.['ok']}":                "true", "{$.none}": "<nil>", "{$.data[0]}": "map[value:0.5]",
		"{$.data}": "[map[value:0.5] map[value:2]]"} {
		p, err := Parse(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, err := p.In(document); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v, want %s", path, got, err, want)
		}
	}
	for _, path := range []string{"{$.no}", "{$.data[2]}", "{$.data[-3]}", "{$.data.value}", "{$.ok.x}", "{$[0]}",
		"{$.none.x}"} {
		p, err := Parse(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, err := p.In(document); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	for _, whole := range []string{"", "{$}", "$", "{}"} {
		if p, err := Parse(whole); err != nil || len(p.steps) != 0 {
			t.Errorf("%q: %v", whole, err)
		}
	}
}

func TestWhatMayLeadToSeveralIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"{$..x}", "{$.*}", "{$.data[*]}", "{$.data[0:2]}", "{$.data[0,1]}", "{$.data[?(@.x>1)]}",
		"{range .items}{.x}{end}", "{$.x", "{$.x.}", "{x}", "{$.data[}", "{$['x}", "{$['x'}", "{$.data[1e3]}", "{$.a b}",
		`{$['\'']}`,
		"{.a}{.b}", "{$." + strings.Repeat("a", 1000) + "}", "{" + strings.Repeat(".a", 51) + "}",
		"{$.x[9223372036854775808]}"} {
		if p, err := Parse(path); err == nil {
			t.Errorf("%s is taken: %v", path, p.steps)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{$.data[0]['x']}")
	f.Fuzz(func(_ *testing.T, path string) {
		if p, err := Parse(path); err == nil {
			_, _ = p.In(map[string]any{"data": []any{1.0}})
		}
	})
}
