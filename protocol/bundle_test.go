package protocol

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"
)

// TestDigestLeavesOutOnlyWhatDoesNotChangeTheCluster changes every field that a bundle has, by reflection, so that a
// field that is added later is asked about too: it must be in the digest, or be named here.
func TestDigestLeavesOutOnlyWhatDoesNotChangeTheCluster(t *testing.T) {
	leftOut := []string{"Epoch", "Generation", "ClusterUID", "Revision.Hash", "Revision.Branch", "Revision.Subject",
		"Revision.Time", "Apps[0].Revision", "Apps[1].Revision"}
	before := testBundle().Digest()
	var seen []string
	eachField(t, func(b *Bundle) reflect.Value { return reflect.ValueOf(b).Elem() }, func(name string, b Bundle) {
		same := b.Digest() == before
		if want := slices.Contains(leftOut, name); same != want {
			t.Errorf("%s changed: digest is the same: %t, want %t", name, same, want)
		}
		seen = append(seen, name)
	})
	for _, name := range leftOut {
		if !slices.Contains(seen, name) {
			t.Errorf("%s is no field of a bundle any more", name)
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d fields were changed: %v", len(seen), seen)
	}
}

// eachField calls got for every field below a fresh test bundle, each time with that one field changed.
func eachField(t *testing.T, root func(*Bundle) reflect.Value, got func(name string, b Bundle)) {
	t.Helper()
	var walk func(name string, find func(*Bundle) reflect.Value)
	walk = func(name string, find func(*Bundle) reflect.Value) {
		b := testBundle()
		v := find(&b)
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Hour)))
			got(name, b)
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				field := v.Type().Field(i).Name
				if name != "" {
					field = name + "." + field
				}
				walk(field, func(b *Bundle) reflect.Value { return find(b).Field(i) })
			}
			return
		case reflect.Pointer:
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
				got(name, b)
				return
			}
			walk(name, func(b *Bundle) reflect.Value { return find(b).Elem() })
			return
		case reflect.Slice:
			for i := range v.Len() {
				walk(fmt.Sprintf("%s[%d]", name, i), func(b *Bundle) reflect.Value { return find(b).Index(i) })
			}
			v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Uint8, reflect.Uint64:
			v.SetUint(v.Uint() + 1)
		default:
			t.Fatalf("%s is a %s: teach this test to change it", name, v.Kind())
		}
		got(name, b)
	}
	walk("", root)
}

// TestDigestSurvivesTheWire: the agent reports the digest of what it received, and the hub compares it with that of
// what it sent. Were they to differ for the same bundle, the cluster would be published to without end.
func TestDigestSurvivesTheWire(t *testing.T) {
	for name, edit := range map[string]func(*Bundle){
		"as it is":               func(*Bundle) {},
		"no apps":                func(b *Bundle) { b.Apps = nil },
		"an empty list":          func(b *Bundle) { b.Apps = []App{} },
		"empty dependsOn":        func(b *Bundle) { b.Apps[0].DependsOn = []string{} },
		"characters of HTML":     func(b *Bundle) { b.Apps[0].Error = "<a href=\"x\">&amp;</a>\u2028" },
		"a quoted error":         func(b *Bundle) { b.Apps[0].Error = "file.yaml:3: \"x\" \\ufffd \t\n" },
		"bytes that are no text": func(b *Bundle) { b.Apps[0].Error = "apps/caf\xe9/x.yaml: \xff\xfe" },
		"the character for them": func(b *Bundle) { b.Apps[0].Error = "apps/caf\ufffd/x.yaml" },
		"an empty key":           func(b *Bundle) { b.Apps[0].Blob.Key = []byte{} },
	} {
		t.Run(name, func(t *testing.T) {
			sent := testBundle(edit)
			var got Bundle
			if err := json.Unmarshal(mustJSON(t, sent), &got); err != nil {
				t.Fatal(err)
			}
			if got.Digest() != sent.Digest() {
				t.Errorf("the digest of what arrived is not that of what was sent")
			}
		})
	}
}

// TestDigestOfANewerHubIsRepeated: an agent that does not know a field of the bundle would compute another digest than
// the hub that set it, and be published to for ever.
func TestDigestOfANewerHubIsRepeated(t *testing.T) {
	b := testBundle()
	b.Content = "of a hub that knows more fields"
	if got := b.Digest(); got != b.Content {
		t.Errorf("Digest = %s, want what the hub computed", got)
	}
}

func TestDigestLeavesTheBundleAlone(t *testing.T) {
	b := testBundle()
	b.Digest()
	if !reflect.DeepEqual(b, testBundle()) {
		t.Errorf("Digest changed its bundle: %+v", b)
	}
}

func TestShortRevisionBearsAnyHash(t *testing.T) {
	for hash, want := range map[string]string{"": "", "4b8": "4b8", "4b825dc642cb6eb9a060e54bf8d69288fbee4904": "4b825dc6"} {
		if got := (Revision{Hash: hash}).Short(); got != want {
			t.Errorf("Short of %q is %q, want %q", hash, got, want)
		}
	}
}
