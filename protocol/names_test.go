package protocol

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestNamesAreDNSLabels(t *testing.T) {
	for name, says := range map[string]string{
		"a": "", "0": "", "a-b": "", "production-ap-northeast-2": "", "1-2-3": "", "a--b": "", "xn--bcher-kva": "",
		strings.Repeat("a", 63): "",
		"":                      "the name is empty: use 1 to 63",
		strings.Repeat("a", 64): `the name "aaaaaaaaaaaaaaaaaaaa"… is 64 characters long: use at most 63`,
		"-a":                    "beginning and ending with a letter or digit",
		"a-":                    "no DNS label",
		"-":                     "no DNS label",
		"A":                     `the name "A" is no DNS label: use lower-case letters, digits and '-'`,
		"a_b":                   "no DNS label",
		"a.b":                   "no DNS label", // would be two tokens of a NATS subject
		"a b":                   "no DNS label",
		"*":                     "no DNS label",
		">":                     "no DNS label",
		"..":                    "no DNS label",
		"a/b":                   "no DNS label",
		"a\x00":                 `"a\x00"`,
		"a\n":                   `"a\n"`,
		"bücher":                "no DNS label",
	} {
		err := CheckName(name)
		if says == "" {
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%q is taken, want an error with %q", name, says)
			continue
		}
		wantError(t, err, says)
	}
}

func TestRefsReadAsKindNamespaceName(t *testing.T) {
	for want, ref := range map[string]ObjectRef{
		"Deployment/shop/payment": {Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "payment"},
		"Namespace/shop":          {Kind: "Namespace", Name: "shop"},
	} {
		if got := ref.String(); got != want {
			t.Errorf("%+v reads as %q, want %q", ref, got, want)
		}
	}
}

func TestRefsAreOrderedByGroupKindNamespaceName(t *testing.T) {
	want := []ObjectRef{
		{Kind: "ConfigMap", Name: "z"},
		{Kind: "ConfigMap", Namespace: "a", Name: "y"},
		{Kind: "ConfigMap", Namespace: "a", Name: "z"},
		{Kind: "ConfigMap", Namespace: "b", Name: "a"},
		{Kind: "Secret", Namespace: "a", Name: "a"},
		{Group: "apps", Kind: "ConfigMap", Name: "a"},
	}
	got := slices.Clone(want)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, ObjectRef.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("sorted to %v, want %v", got, want)
	}
	for i, a := range want {
		for j, b := range want {
			if got := a.Compare(b); got != cmp.Compare(i, j) {
				t.Errorf("%s compared with %s is %d", a, b, got)
			}
		}
	}
}
