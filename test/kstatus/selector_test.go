package kstatus

import (
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/drover-dev/drover/fleet/selector"
)

// TestSelectorsAreKubernetes compares selector.Parse with what kubectl's -l uses, over many selectors and labels: both
// take the same, and choose the same.
func TestSelectorsAreKubernetes(t *testing.T) {
	sets := []labels.Set{{}}
	for _, env := range []string{"", "a", "b", "in"} {
		sets = append(sets, labels.Set{"env": env}, labels.Set{"region": env}, labels.Set{"env": env, "region": "a"}, labels.Set{"in": env})
	}
	understood, refused := 0, 0
	for _, s := range selectors() {
		want, errWant := labels.Parse(s)
		got, err := selector.Parse(s)
		switch {
		case errWant == nil && err != nil:
			t.Errorf("%q: Kubernetes takes it, fleet does not: %v", s, err)
		case errWant != nil:
			refused++
		default:
			understood++
			for _, set := range sets {
				if g, w := got.Matches(set), want.Matches(set); g != w {
					t.Errorf("%q on %v: %t, Kubernetes says %t", s, set, g, w)
				}
			}
		}
		if errWant != nil && err == nil {
			t.Errorf("%q: fleet takes it, Kubernetes does not: %v", s, errWant)
		}
	}
	if understood < 150 || refused < 500 {
		t.Errorf("%d selectors were understood and %d refused: the corpus is one-sided", understood, refused)
	}
}

// selectors puts words and signs together in all ways, and takes two at a time.
func selectors() []string {
	var parts []string
	for _, key := range []string{"env", "in", "!env", " ! env", "e nv", ""} {
		parts = append(parts, key)
		for _, op := range []string{"=", "==", "!=", " = ", "===", "!", "~"} {
			for _, value := range []string{"", "a", "in", "a b", "(a)", "!a"} {
				parts = append(parts, key+op+value)
			}
		}
		for _, op := range []string{" in ", " notin ", " in", " of ", "in "} {
			for _, value := range []string{"(a)", "(a,b)", "( a , in )", "(,a)", "(a,)", "()", "a", "(a", "a)", "((a))", "(a b)", "(a=b)"} {
				parts = append(parts, key+op+value)
			}
		}
	}
	out := append([]string{"", " ", ",", "env,", ",env"}, parts...)
	for i, p := range parts {
		out = append(out, p+",region", "region!=a,"+p, p+" , "+parts[(i*7+3)%len(parts)])
	}
	return out
}
