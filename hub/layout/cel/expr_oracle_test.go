package cel

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	_ "cel.dev/expr/conformance/proto2"
	_ "cel.dev/expr/conformance/proto3"
	"cel.dev/expr/conformance/test"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/drover-dev/drover/fleet/expr"
	"github.com/drover-dev/drover/protocol"
)

// outcomes evaluates a text by cel-go, as Flux does it, and what was compiled of it by fleet/expr.
func outcomes(t *testing.T, text string, compiled protocol.Expression, vars map[string]any) (theirs, ours string) {
	t.Helper()
	env, err := language()
	if err != nil {
		t.Fatal(err)
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		t.Fatalf("%s: %v", text, issues.Err())
	}
	decoded, err := expr.Decode(compiled)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	ours = "an error"
	if v, err := decoded.Eval(vars); err == nil {
		ours = plainly(reflect.ValueOf(v))
	}
	program, err := env.Program(parsed)
	if err != nil {
		return "an error", ours
	}
	for range 1000 { // cel-go goes through maps in any order, fleet/expr in that of their keys
		theirs = "an error"
		if v, _, err := program.Eval(vars); err == nil {
			theirs = canonical(v)
		}
		if theirs == ours {
			break
		}
	}
	return theirs, ours
}

// canonical writes a value of cel-go.
func canonical(v ref.Val) string {
	switch v := v.(type) {
	case types.Null:
		return "null"
	case types.Bytes:
		return fmt.Sprintf("bytes %x", []byte(v))
	case types.Timestamp:
		return "time " + v.UTC().Format(time.RFC3339Nano)
	case types.Duration:
		return "duration " + v.Duration.String()
	case *types.Optional:
		if v.HasValue() && v.GetValue().Type() == types.TimestampType {
			return "some time"
		}
		if !v.HasValue() {
			return "none"
		}
		return "some " + canonical(v.GetValue())
	case *types.Type:
		return "type " + v.TypeName()
	case traits.Mapper:
		var entries []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			entries = append(entries, canonical(k)+": "+canonical(v.Get(k)))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	case traits.Lister:
		var items []string
		for it := v.Iterator(); it.HasNext() == types.True; {
			items = append(items, canonical(it.Next()))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprintf("%s %v", v.Type().TypeName(), v.Value())
}

// plainly writes a value of fleet/expr in the same way.
func plainly(v reflect.Value) string {
	for v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return "null"
	}
	switch name := v.Type().Name(); {
	case name == "typeName":
		return "type " + v.String()
	case name == "Duration":
		return "duration " + time.Duration(v.Int()).String()
	case name == "Time" && v.CanInterface():
		return "time " + v.Interface().(time.Time).UTC().Format(time.RFC3339Nano)
	case name == "Time":
		return "time" // in an optional, which lets nobody look
	case name == "optional" && v.FieldByName("set").Bool():
		return "some " + plainly(v.FieldByName("value"))
	case name == "optional":
		return "none"
	case name == "table":
		var entries []string
		for i := range v.FieldByName("keys").Len() {
			entries = append(entries, plainly(v.FieldByName("keys").Index(i))+": "+plainly(v.FieldByName("values").Index(i)))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	}
	switch v.Kind() {
	case reflect.Map:
		var entries []string
		for it := v.MapRange(); it.Next(); {
			entries = append(entries, plainly(it.Key())+": "+plainly(it.Value()))
		}
		slices.Sort(entries)
		return "{" + strings.Join(entries, ", ") + "}"
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("bytes %x", v.Bytes())
		}
		var items []string
		for i := range v.Len() {
			items = append(items, plainly(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Int64:
		return fmt.Sprintf("int %d", v.Int())
	case reflect.Uint64:
		return fmt.Sprintf("uint %d", v.Uint())
	case reflect.Float64:
		return fmt.Sprintf("double %v", v.Float())
	}
	return fmt.Sprintf("%s %v", v.Kind(), v)
}

// conformance reads the tests of CEL's specification.
func conformance(t *testing.T) (all []*test.SimpleTest) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "cel.dev/expr").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "tests", "simple", "testdata",
		"*.textproto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of the specification: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f test.SimpleTestFile
		if err := prototext.Unmarshal(data, &f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, section := range f.Section {
			for _, one := range section.Test {
				one.Name = f.Name + "/" + section.Name + "/" + one.Name
				all = append(all, one)
			}
		}
	}
	return all
}

// TestExpressionsMeanWhatCELSays evaluates the tests of CEL's specification by cel-go and by fleet/expr. What is about
// protocol buffers, or about libraries that Flux does not have either, the compiler refuses.
func TestExpressionsMeanWhatCELSays(t *testing.T) {
	compared, refused := 0, map[string]int{}
	for _, one := range conformance(t) {
		vars, ok := bindings(one)
		if !ok || one.Container != "" || one.DisableMacros {
			continue
		}
		if strings.Contains(one.Name, "map_value_repeat_key") {
			continue // an error by the specification, and by cel-go only if it is told to look
		}
		compiled, err := compileFor(one.Expr, nil, nil)
		if err != nil {
			_, why, _ := strings.Cut(err.Error(), ": ")
			refused[strings.Join(strings.Fields(why)[:min(3, len(strings.Fields(why)))], " ")]++
			continue
		}
		if theirs, ours := outcomes(t, strings.TrimSpace(one.Expr), compiled, vars); theirs != ours {
			t.Errorf("%s: %s\n\tcel-go     %s\n\tfleet/expr %s", one.Name, one.Expr, theirs, ours)
		}
		compared++
	}
	t.Logf("%d compared; refused: %v", compared, refused)
	if compared < 1000 {
		t.Errorf("%d tests were compared: the compiler refuses too much", compared)
	}
}

// bindings are the variables of a test, unless they are what JSON is not.
func bindings(one *test.SimpleTest) (map[string]any, bool) {
	vars := map[string]any{}
	for name, v := range one.Bindings {
		if strings.Contains(name, ".") {
			return nil, false // no variable has such a name here
		}
		value, err := cel.ProtoAsValue(types.DefaultTypeAdapter, v.GetValue())
		if err != nil {
			return nil, false
		}
		switch value := value.(type) {
		case types.Bool, types.Int, types.Double, types.String:
			vars[name] = value.Value()
		default:
			return nil, false
		}
	}
	return vars, true
}

// generator makes expressions at random, of which many are about an object as Kubernetes has it.
type generator struct{ *rand.Rand }

func (g generator) one(list ...string) string { return list[g.IntN(len(list))] }

func (g generator) atom() string {
	return g.one("1", "-3", "0", "2u", "1.5", "2.0", "true", "false", "null", "'True'", "'Ready'", "''", "b'ab'",
		"'a,b'", "[]", "{}", "9223372036854775807", "18446744073709551615u",
		"status", "status.conditions", "status.conditions[0]", "status.replicas", "spec.replicas", "metadata.labels", "metadata.labels['app']", "metadata.generation", "status.ratio",
		"status.none", "metadata.creationTimestamp", "timestamp(metadata.creationTimestamp)", "duration('90s')", "spec.paused", "spec.nothing", "status.empty", "absent", "x", "y",
		"[1, 2, 3]", "['b', 'a']", "{'a': 1}", "{1: 'a', 2u: 'b'}", "optional.none()", "optional.of(1)", "status.?phase", "spec.?replicas", "status.conditions[?1]", "type(1)", "int", "[1, [2.0]]", "'äöü'")
}

func (g generator) expr(depth int) string {
	if depth == 0 {
		return g.atom()
	}
	sub := func() string { return "(" + g.expr(g.IntN(depth)) + ")" }
	switch g.IntN(12) {
	case 0, 1:
		return sub() + " " + g.one("==", "!=", "<", "<=", ">", ">=", "in") + " " + sub()
	case 2:
		return sub() + " " + g.one("+", "-", "*", "/", "%") + " " + sub()
	case 3, 4:
		return sub() + " " + g.one("&&", "||") + " " + sub()
	case 5:
		return sub() + " ? " + sub() + " : " + sub()
	case 6:
		return sub() + g.one(".phase", ".?type", "[0]", "[?0]", "['type']", "[?'a']", ".status", "["+sub()+"]",
			"[?"+sub()+"]")
	case 7:
		return sub() + "." + g.one("all", "exists", "exists_one", "filter", "map", "optMap",
			"optFlatMap") + "(" + g.one("x", "y") + ", " + g.expr(depth-1) + ")"
	case 8:
		return sub() + ".map(x, " + g.expr(depth-1) + ", " + g.expr(depth-1) + ")"
	case 9:
		return g.one("!", "-") + sub()
	case 10:
		return g.one("size", "type", "int", "uint", "double", "string", "bytes", "bool", "dyn", "timestamp", "duration",
			"optional.of", "optional.ofNonZeroValue", "base64.encode", "base64.decode", "has(status.conditions) && has") +
			g.one("("+sub()+")", "("+sub()+".type)")
	}
	return sub() + g.one(".contains(", ".startsWith(", ".endsWith(", ".matches(", ".indexOf(", ".lastIndexOf(",
		".split(", ".join(", ".substring(", ".charAt(", ".orValue(", ".or(",
		".replace('a', ", ".substring(0, ", ".indexOf('a', ", ".lastIndexOf('a', ", ".split(',', ") + sub() + ")" + g.one("", ".size()", ".trim()", ".upperAscii()", ".lowerAscii()", ".reverse()", ".hasValue()", ".value()", ".getHours()", ".getMonth()", ".first()", ".last()")
}

// liveObject is what the generated expressions are about. Numbers are as Kubernetes decodes them.
var liveObject = map[string]any{
	"metadata": map[string]any{"generation": int64(3), "labels": map[string]any{"app": "web"},
		"creationTimestamp": "2026-01-02T03:04:05Z"},
	"spec": map[string]any{"replicas": int64(2), "paused": false, "nothing": nil},
	"status": map[string]any{"replicas": int64(2), "ratio": 0.5, "phase": "Running", "empty": []any{},
		"conditions": []any{map[string]any{"type": "Ready", "status": "True"},
			map[string]any{"type": "Stalled", "status": "False", "reason": "None"}}},
}

// TestGeneratedExpressionsMeanWhatTheyMeanInCELGo evaluates expressions made at random. Most of them are errors
// somewhere, which is where implementations differ.
func TestGeneratedExpressionsMeanWhatTheyMeanInCELGo(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(4, 5))}
	compared, failed, errs := 0, 0, 0
	for range 15_000 {
		text := g.expr(1 + g.IntN(3))
		compiled, err := compileFor(text, nil, nil)
		if err != nil {
			continue
		}
		theirs, ours := outcomes(t, text, compiled, liveObject)
		if theirs == "an error" {
			errs++
		}
		if compared++; theirs != ours {
			if failed++; failed <= 20 {
				t.Errorf("%s\n\tcel-go     %s\n\tfleet/expr %s", text, theirs, ours)
			}
		}
	}
	t.Logf("%d compared, of which %d are errors; %d differ", compared, errs, failed)
	if compared < 2_000 || compared-errs < 600 {
		t.Errorf("%d expressions were compared, of which %d are errors: too few", compared, errs)
	}
}
