package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/api"
)

// fill sets every text in v, which is a pointer, to text, and makes one element of every list and map.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fill(v.Elem(), text)
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Now().Add(-time.Hour)))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text)
		fill(value, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Uint64, reflect.Int:
		v.Set(reflect.ValueOf(3).Convert(v.Type()))
	case reflect.Float64:
		v.SetFloat(3)
	}
}

// Nothing that an agent or a file in Git says makes a line that looks like another, or moves what a terminal shows.
func TestNothingThatOthersWroteChangesHowStatusLooks(t *testing.T) {
	show := func(text string) string {
		var d api.Detail
		var f api.Fleet
		fill(reflect.ValueOf(&d), text)
		fill(reflect.ValueOf(&f), text)
		var out bytes.Buffer
		printDetail(&out, d)
		for _, output := range []string{"", "wide"} {
			if err := (&statusOptions{output: output}).printFleet(&out, f); err != nil {
				t.Fatal(err)
			}
		}
		for _, h := range d.Holds {
			printHold(&out, h)
		}
		return out.String()
	}
	plain, hostile := show("text"), show("te\nxt\r\x1b[2J\u202e\u009b\tx")
	if strings.Count(plain, "\n") < 20 {
		t.Fatalf("only little is shown:\n%s", plain)
	}
	if strings.Count(plain, "\n") != strings.Count(hostile, "\n") {
		t.Errorf("lines are other ones:\n%s", hostile)
	}
	if strings.ContainsAny(hostile, "\r\x1b\u202e\u009b\t") {
		t.Errorf("a character is shown that people do not see: %q", hostile)
	}
}
