package bench

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for _, c := range []struct {
		name   string
		values []float64
		want   Series
	}{
		{"none", nil, Series{}},
		{"one", []float64{3}, Series{Median: 3, P99: 3, N: 1}},
		{"two", []float64{4, 2}, Series{Median: 3, P99: 4, N: 2}},
		{"three, the median is no mean", []float64{100, 1, 2}, Series{Median: 2, P99: 100, N: 3}},
		{"a hundred, one of them left out", hundred, Series{Median: 50.5, P99: 99, N: 100}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.values)
			got := seriesOf(c.values...)
			if got.Median != c.want.Median || got.P99 != c.want.P99 || got.N != c.want.N {
				t.Errorf("%+v; want %+v", got, c.want)
			}
			if !slices.Equal(got.Values, before) {
				t.Errorf("the values are no longer in the order in which they were taken: %v", got.Values)
			}
		})
	}
	if got := millis([]time.Duration{1500 * time.Microsecond}); got.Median != 1.5 {
		t.Errorf("1.5 ms are %v", got.Median)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name        string
		aim         Aim
		ours, limit []float64
		want        Verdict
		ratio       float64
	}{
		{"below", Aim{Most: 80}, []float64{79}, []float64{40}, Meets, 1.98},
		{"above", Aim{Most: 80}, []float64{81}, []float64{40}, FallsShort, 2.03},
		{"the median counts", Aim{Most: 80}, []float64{10, 20, 300}, []float64{10}, Meets, 2},
		{"the p99 counts", Aim{P99: true, Most: 80}, []float64{10, 20, 300}, []float64{100}, FallsShort, 3},
		{"the ratio counts", Aim{Most: 2000, Ratio: 1.5}, []float64{160}, []float64{100}, FallsShort, 1.6},
		{"zero is met", Aim{}, []float64{0}, nil, Meets, 0},
		{"zero is not met", Aim{}, []float64{1}, nil, FallsShort, 0},
		{"nothing measured is nothing met", Aim{Most: 80}, nil, nil, FallsShort, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Line{Aim: c.aim, Ours: seriesOf(c.ours...), Limit: seriesOf(c.limit...)}.judge()
			if got.Verdict != c.want || got.Ratio != c.ratio {
				t.Errorf("%s, %vx; want %s, %vx", got.Verdict, got.Ratio, c.want, c.ratio)
			}
		})
	}
}

func TestTable(t *testing.T) {
	r := Report{Machine: Machine{Cores: 2, Load: 3}, Lines: []Line{
		{Name: "B1", What: "from here to there", Unit: "ms", Aim: Aim{P99: true, Most: 50, Ratio: 5}, Ours: seriesOf(7.125), Limit: seriesOf(3.5), Notes: []string{"a note"}},
		{Name: "B2", Verdict: NotMeasured, Notes: []string{"it broke"}},
	}}
	r.Lines[0] = r.Lines[0].judge()
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"WARNING", "p99 ≤ 50 ms, ≤ 5x", "7.12 ms", "3.50 ms", "2.04x", "meets", "from here to there", "- a note", "not measured", "- it broke"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), " \n") {
		t.Error("lines end with spaces")
	}
}
