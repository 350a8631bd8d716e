package content

import (
	"reflect"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// Whatever is said of an app, the digest that is remembered is that of the app. A field that is new is tried as well.
func TestDigestsThatAreRememberedAreRight(t *testing.T) {
	t.Parallel()
	var d Digests
	base := protocol.App{Name: "web", Blob: &protocol.Blob{Digest: "1"}}
	try := func(what string, a protocol.App) {
		t.Helper()
		for range 2 {
			if got, want := d.Of(&a), Digest(a); got != want {
				t.Errorf("%s: the digest is %s, and was to be %s", what, got, want)
			}
		}
	}
	try("nothing", base)
	var fields func(v reflect.Value, a *protocol.App)
	fields = func(v reflect.Value, a *protocol.App) {
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			if v.Type().Field(i).Anonymous {
				fields(f, a)
				continue
			}
			was := reflect.New(f.Type()).Elem()
			was.Set(f)
			f.Set(some(t, f.Type()))
			try(name, *a)
			f.Set(was)
		}
	}
	a := base
	fields(reflect.ValueOf(&a).Elem(), &a)
	try("nothing again", base)
	if len(d.known) < 5 {
		t.Errorf("%d digests are remembered", len(d.known))
	}
}

// some is a value that says something.
func some(t *testing.T, of reflect.Type) reflect.Value {
	v := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
	case reflect.Slice:
		v.Set(reflect.Append(v, some(t, of.Elem())))
	case reflect.Struct, reflect.Uint8:
	default:
		t.Fatalf("%s: a kind that this test does not know", of)
	}
	return v
}
