package planning

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// ShapeError says that a field holds something of another type than it can.
type ShapeError struct {
	At        string // the field, as spec.postBuild.substitute.PORT
	Is, Wants string // types, as "a number" and "a string"
}

// Error implements error.
func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s is %s, and has to be %s", e.At, e.Is, e.Wants)
}

// Says is what is wrong with the field, without its name.
func (e *ShapeError) Says() string {
	return fmt.Sprintf("it is %s, and has to be %s", e.Is, e.Wants)
}

// isOf names what is written, as the JSON decoder calls it, for people.
func isOf(value string) string {
	switch value, _, _ = strings.Cut(value, " "); value {
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	}
	return "a " + value
}

// wanted names a type for people, as YAML calls it.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "a number"
}

// level is an object or a list that is being read.
type level struct {
	list  bool
	index int
	key   string
	named bool // the next token is the value of key
}

// pathAt is the path of the value that ends, or begins as a mapping or a list, at an offset of a text, such as
// .postBuild.substitute.PORT.
func pathAt(data []byte, offset int64) string {
	dec := json.NewDecoder(bytes.NewReader(data))
	var levels []level
	for {
		token, err := dec.Token()
		if err != nil {
			return ""
		}
		var in *level
		if len(levels) > 0 {
			in = &levels[len(levels)-1]
		}
		if key, ok := token.(string); ok && in != nil && !in.list && !in.named {
			in.key, in.named = key, true
			continue
		}
		if dec.InputOffset() >= offset {
			return pathOf(levels)
		}
		switch delim, _ := token.(json.Delim); delim {
		case '{', '[':
			levels = append(levels, level{list: delim == '['})
			continue
		case '}', ']':
			levels = levels[:len(levels)-1]
		}
		if len(levels) > 0 {
			in = &levels[len(levels)-1]
			in.index++
			in.named = false
		}
	}
}

func pathOf(levels []level) string {
	var out strings.Builder
	for _, l := range levels {
		if l.list {
			fmt.Fprintf(&out, "[%d]", l.index)
		} else {
			out.WriteString("." + l.key)
		}
	}
	return out.String()
}

// variable finds a variable in a text, as Flux and Drover have it.
var variable = regexp.MustCompile(`\$\{[_A-Za-z][_A-Za-z0-9]*[^}]*\}`)

// Undecodable places what is wrong with the spec of an object, as Decode gives it.
func (p *Plan) Undecodable(o *Object, err error) error {
	shape, ok := errors.AsType[*ShapeError](err)
	if !ok {
		return p.Errorf(o, "spec", "%v", err)
	}
	v := variable.FindString(p.written(o, shape.At))
	says := shape.Says()
	switch text := shape.Wants == wanted(reflect.TypeFor[string]()); {
	case text && v != "":
		says += fmt.Sprintf(": the quotes around %s are lost when the variable is replaced where this is declared; write "+
			`"${quote}%s${quote}" with the further variable quote: '"', or a value that is a string by itself`, v, v)
	case text && (shape.Is == isOf("number") || shape.Is == isOf("bool")):
		says += ": put it in quotes"
	case v != "":
		says += fmt.Sprintf(": look at the value of the variable %s", v)
	}
	return p.Errorf(o, shape.At, "%s", says)
}
