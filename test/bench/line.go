package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Report is all that a run found.
type Report struct {
	Machine Machine   `json:"machine"`
	Started time.Time `json:"started"`
	Took    string    `json:"took"`
	Quick   bool      `json:"quick,omitempty"` // too few rounds for the figures to mean anything
	Lines   []Line    `json:"lines"`
}

// Line is one measure beside its limit.
type Line struct {
	Name    string   `json:"name"`
	What    string   `json:"what"`
	Unit    string   `json:"unit"`
	Aim     Aim      `json:"aim"`
	Ours    Series   `json:"ours"`
	Limit   Series   `json:"limit,omitzero"`
	Ratio   float64  `json:"ratio,omitempty"` // of ours to the limit, by the aim's statistic
	Verdict Verdict  `json:"verdict"`
	Notes   []string `json:"notes,omitempty"`
}

// Verdict says whether an aim is met.
type Verdict string

// The verdicts.
const (
	Meets       Verdict = "meets"
	FallsShort  Verdict = "falls short"
	NotMeasured Verdict = "not measured"
)

// Aim is what a line is held against.
type Aim struct {
	P99   bool    `json:"p99,omitempty"` // the aim is for the 99th percentile, not the median
	Most  float64 `json:"most"`          // in the line's unit
	Ratio float64 `json:"ratio,omitempty"`
}

// text is the aim as people write it.
func (a Aim) text(unit string) string {
	text := fmt.Sprintf("≤ %s", figure(a.Most, unit))
	if a.Most == 0 {
		text = "0"
	}
	if a.P99 {
		text = "p99 " + text
	}
	if a.Ratio > 0 {
		text += fmt.Sprintf(", ≤ %gx", a.Ratio)
	}
	return text
}

// Series are the figures of one thing, measured again and again.
type Series struct {
	Median float64   `json:"median"`
	P99    float64   `json:"p99"`
	N      int       `json:"n"`
	Values []float64 `json:"values,omitempty"` // in the order in which they were taken
}

// seriesOf summarises values.
func seriesOf(values ...float64) Series {
	for i, v := range values {
		values[i] = math.Round(v*1000) / 1000
	}
	if len(values) == 0 {
		return Series{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return Series{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, P99: sorted[int(math.Ceil(0.99*float64(n)))-1], N: n, Values: values}
}

// millis are durations in milliseconds.
func millis(durations []time.Duration) Series {
	values := make([]float64, len(durations))
	for i, d := range durations {
		values[i] = float64(d.Microseconds()) / 1000
	}
	return seriesOf(values...)
}

// judge fills in the ratio and the verdict.
func (l Line) judge() Line {
	ours, limit := l.Ours.Median, l.Limit.Median
	if l.Aim.P99 {
		ours, limit = l.Ours.P99, l.Limit.P99
	}
	if limit > 0 {
		l.Ratio = math.Round(ours/limit*100) / 100
	}
	l.Verdict = Meets
	if ours > l.Aim.Most || l.Aim.Ratio > 0 && l.Ratio > l.Aim.Ratio || l.Ours.N == 0 {
		l.Verdict = FallsShort
	}
	return l
}

// figure writes a value so that three digits or so are seen.
func figure(v float64, unit string) string {
	text := fmt.Sprintf("%.0f", v)
	switch {
	case v == math.Trunc(v):
	case v < 10:
		text = fmt.Sprintf("%.2f", v)
	case v < 100:
		text = fmt.Sprintf("%.1f", v)
	}
	if unit == "" {
		return text
	}
	return text + " " + unit
}
