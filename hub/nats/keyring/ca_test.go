package keyring

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTheCertificateIsMadeAnewBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := must(Open(t.TempDir()))
		get := must(keys.Certificate(nil))
		first := must(get(nil))
		for range 4 {
			time.Sleep(embeddedLife / 2)
			now := must(get(nil))
			if left := time.Until(now.Leaf.NotAfter); left < embeddedLife/3 {
				t.Errorf("a certificate that ends in %s is shown", left)
			}
		}
		if again := must(get(nil)); again == first || again != must(get(nil)) {
			t.Error("it is not recreated, or every time")
		}
	})
}
