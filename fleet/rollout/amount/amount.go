// Package amount is about numbers of clusters and shares of them. It is pure.
//
// It may import the standard library.
package amount

import (
	"fmt"
	"strconv"
	"strings"
)

// Amount is a number of clusters, or a share of them. The zero value is none of them; where it says how many may be in
// flight it is no limit.
type Amount struct {
	Count int // ignored where there is a share
	Share int // in hundredths of a percent
}

// All is every cluster there is.
var All = Amount{Share: 100 * 100}

// Parse reads a count, as 500, or a share, as 10% or 0.5%.
func Parse(s string) (Amount, error) {
	wrong := fmt.Errorf("%q is neither a number of clusters, as 5, nor a share of them from 0%% to 100%%, as 2.5%%", s)
	number, share := strings.CutSuffix(s, "%")
	if !share {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return Amount{}, wrong
		}
		return Amount{Count: n}, nil
	}
	whole, part, _ := strings.Cut(number, ".")
	if len(part) > 2 {
		return Amount{}, wrong
	}
	n, err := strconv.ParseUint(whole+part+"00"[len(part):], 10, 32)
	if err != nil || whole == "" || n > 100*100 {
		return Amount{}, wrong
	}
	return Amount{Share: int(n)}, nil
}

// String is how people write it.
func (a Amount) String() string {
	switch {
	case a.Share == 0:
		return strconv.Itoa(a.Count)
	case a.Share%100 == 0:
		return strconv.Itoa(a.Share/100) + "%"
	}
	return strings.TrimRight(fmt.Sprintf("%d.%02d", a.Share/100, a.Share%100), "0") + "%"
}

// IsZero says whether nothing is set.
func (a Amount) IsZero() bool { return a == Amount{} }

// Floor is how many of n clusters it is at most.
func (a Amount) Floor(n int) int {
	if a.Share == 0 {
		return a.Count
	}
	return n * a.Share / All.Share
}

// Ceil is how many of n clusters it is at least, and never more than n.
func (a Amount) Ceil(n int) int {
	if a.Share == 0 {
		return min(a.Count, n)
	}
	return (n*a.Share + All.Share - 1) / All.Share
}
