package facts

import (
	"cmp"
	"strings"
)

// ChartOf reads the label of a chart: "ingress-nginx-4.10.1". Its version begins behind the first hyphen that a digit
// (or v and a digit) and later a dot follow. Charts write _ for the + of a version, which no label may have.
func ChartOf(label string) Chart {
	for i := range len(label) - 1 {
		if label[i] != '-' || i == 0 {
			continue
		}
		if version := label[i+1:]; looksLikeVersion(version) {
			return Chart{Name: label[:i], Version: strings.ReplaceAll(version, "_", "+")}
		}
	}
	return Chart{Name: label}
}

func looksLikeVersion(s string) bool {
	s = strings.TrimPrefix(s, "v")
	major, rest, ok := strings.Cut(s, ".")
	return ok && digits(major) && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// IsVersion says whether CompareVersions can place a text: it begins with a number, or v and a number.
func IsVersion(s string) bool {
	core, _ := split(s)
	major, _, _ := strings.Cut(core, ".")
	return digits(major)
}

// CompareVersions orders versions as Semantic Versioning 2.0.0 does: by their numbers, and one with a pre-release
// before the one without. Missing numbers are 0, a leading v and what follows + do not count. Texts that are no
// versions come first.
func CompareVersions(a, b string) int {
	if va, vb := IsVersion(a), IsVersion(b); !va || !vb {
		return cmp.Or(boolean(va)-boolean(vb), cmp.Compare(a, b))
	}
	coreA, preA := split(a)
	coreB, preB := split(b)
	return cmp.Or(compareParts(coreA, coreB, true), comparePre(preA, preB))
}

// split takes a version apart: its numbers, and its pre-release.
func split(v string) (core, pre string) {
	v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "+")
	core, pre, _ = strings.Cut(v, "-")
	return core, pre
}

func comparePre(a, b string) int {
	if a == "" || b == "" {
		return boolean(a == "") - boolean(b == "")
	}
	return compareParts(a, b, false)
}

// compareParts compares what dots separate: numbers as numbers, and before other texts. A part that is missing is 0, or
// comes first where zero is false.
func compareParts(a, b string, zero bool) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if zero {
			x, y = cmp.Or(x, "0"), cmp.Or(y, "0")
		}
		if order := comparePart(x, y); order != 0 {
			return order
		}
	}
	return 0
}

func comparePart(x, y string) int {
	nx, ny := digits(x), digits(y)
	switch {
	case x == "" || y == "":
		return boolean(x != "") - boolean(y != "")
	case nx && ny:
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	case nx != ny:
		return boolean(ny) - boolean(nx)
	}
	return cmp.Compare(x, y)
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}
