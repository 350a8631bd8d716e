package content

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// What is written by hand is what encoding/json writes: a digest that was stored stays the same. A field that is new is
// tried as well.
func TestWhatIsWrittenByHandIsJSON(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test repeats itself
	texts := []string{"", "web", "a b", `say "no"`, `C:\x`, "a<b", "a>b", "a&b", "a\tb", "ä", "\xff", "\u2028", "~ !", "\x7f"}
	plain, other := 0, 0
	for range 20_000 {
		a := protocol.App{Name: texts[random.IntN(len(texts))]}
		if random.IntN(4) > 0 {
			a.Blob = &protocol.Blob{Digest: texts[random.IntN(len(texts))], Key: []byte("key"), Size: 3, Chunks: 1, Objects: 2}
		}
		fill(t, random, texts, reflect.ValueOf(&a).Elem())
		a = Lasting(a)
		got, is := appendPlain(nil, &a)
		if !is {
			other++
			continue
		}
		if plain++; string(got) != string(marshalled(a)) {
			t.Fatalf("by hand it is\n%s\nand encoding/json writes\n%s", got, marshalled(a))
		}
	}
	if plain < 1000 || other < 1000 {
		t.Errorf("%d apps were written by hand, and %d not", plain, other)
	}
}

// fill gives few fields of a struct a value.
func fill(t *testing.T, random *rand.Rand, texts []string, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Field(i)
		if v.Type().Field(i).Anonymous {
			fill(t, random, texts, f)
			continue
		}
		if random.IntN(30) > 0 || f.Type() == reflect.TypeFor[*protocol.Blob]() {
			continue
		}
		switch f.Kind() {
		case reflect.String:
			f.SetString(texts[random.IntN(len(texts))])
		case reflect.Slice:
			if f.Set(some(t, f.Type())); f.Type() == reflect.TypeFor[[]string]() {
				f.Set(reflect.ValueOf([]string{texts[random.IntN(len(texts))], texts[random.IntN(len(texts))]}))
			}
		default:
			f.Set(some(t, f.Type()))
		}
	}
}
