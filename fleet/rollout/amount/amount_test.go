package amount

import "testing"

func TestAmounts(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		want        Amount
		back        string
		floor, ceil int // of 9,850
	}{
		"0":      {Amount{}, "0", 0, 0},
		"5":      {Amount{Count: 5}, "5", 5, 5},
		"20000":  {Amount{Count: 20000}, "20000", 20000, 9850},
		"1%":     {Amount{Share: 100}, "1%", 98, 99},
		"2.5%":   {Amount{Share: 250}, "2.5%", 246, 247},
		"0.25%":  {Amount{Share: 25}, "0.25%", 24, 25},
		"0.05%":  {Amount{Share: 5}, "0.05%", 4, 5},
		"10.00%": {Amount{Share: 1000}, "10%", 985, 985},
		"100%":   {All, "100%", 9850, 9850},
		"0%":     {Amount{}, "0", 0, 0},
	} {
		got, err := Parse(text)
		if err != nil || got != c.want || got.String() != c.back || got.Floor(9850) != c.floor || got.Ceil(9850) != c.ceil {
			t.Errorf("%s: %+v %v %s, of 9850 %d to %d", text, got, err, got, got.Floor(9850), got.Ceil(9850))
		}
		if got.IsZero() != (c.back == "0") {
			t.Errorf("%s: zero is %v", text, got.IsZero())
		}
	}
	for _, text := range []string{"", "%", "-1", "-1%", "+1%", "101%", "100.01%", "1.234%", ".5%", "1e2", "a%", "1 %",
		"1.5", "99999999999%"} {
		if got, err := Parse(text); err == nil || got != (Amount{}) {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
