package bounds

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// checkPack says of every pack that git makes what go-git says of it.
func TestPacksOfGitPass(t *testing.T) {
	r := gittest.ChainRepo(t, 4, 30)
	packs, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.pack"))
	for _, path := range packs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkPack(bytes.NewReader(data), Default); err != nil {
			t.Error(err)
		}
		var excess *ExcessError
		if err := checkPack(bytes.NewReader(data[:len(data)/2]), Default); err == nil || errors.As(err, &excess) {
			t.Errorf("half a pack: %v", err)
		}
	}
	if len(packs) == 0 {
		t.Error("git made no pack")
	}
}

func FuzzCheckPack(f *testing.F) {
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01\x95\x0ax\x9c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(data)
			_ = w.Close()
		}()
		_ = checkPack(r, Bounds{Objects: 100, Object: 1 << 16, Unfolded: 1 << 20})
		_ = r.Close()
		if ctx.Err() != nil {
			t.Error("it does not end")
		}
	})
}
