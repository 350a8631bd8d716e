package repository_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/helm/repository"
)

// BenchmarkIndex resolves charts of an index of 20 MB: the first one, another, and one again after a minute.
func BenchmarkIndex(b *testing.B) {
	s := newSite(b, false)
	var index strings.Builder
	index.WriteString("apiVersion: v1\nentries:\n")
	for chart := range 100 {
		fmt.Fprintf(&index, "  chart-%d:\n", chart)
		for v := range 200 {
			fmt.Fprintf(&index, "  - apiVersion: v2\n    description: %s\n    name: chart-%d\n    urls:\n    - c.tgz\n    version: 1.%d.0\n", strings.Repeat("words ", 150), chart, v)
		}
	}
	s.put("index.yaml", []byte(index.String()))
	s.put("c.tgz", pack(b, manifestOf("chart", "1.0.0")))
	b.Logf("%d MB", index.Len()>>20)
	fetch := func(b *testing.B, f *repository.Fetcher, chart, version int) {
		ref := repository.Reference{Repository: s.URL, Name: fmt.Sprintf("chart-%d", chart), Version: fmt.Sprintf("1.%d.0", version)}
		if _, err := f.Fetch(context.Background(), ref, repository.Access{}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			f, _ := newFetcher(b)
			fetch(b, f, 50, 7)
		}
	})
	f, _ := newFetcher(b)
	fetch(b, f, 0, 0)
	b.Run("other chart", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			fetch(b, f, 1+n%99, n/99%200)
		}
	})
	b.Run("other version", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			fetch(b, f, 0, n%200)
		}
	})
}
