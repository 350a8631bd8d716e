package plan

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func vars(name string, version uint64, pairs ...string) Input {
	in := Input{Ref: protocol.VarsRef{Kind: "ConfigMap", Namespace: "home", Name: name}, Version: version,
		Data: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		in.Data[pairs[i]] = pairs[i+1]
	}
	return in
}

func substitution(t *testing.T, sub protocol.Substitution, from ...Input) *Transform {
	t.Helper()
	tr, err := NewTransform(decrypts("${a}"), nil, &sub, from)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// applied are the lines that are applied.
func applied(t *testing.T, p *Plan) (out []string) {
	t.Helper()
	lines, err := p.Lines()
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Wants {
		out = append(out, string(p.Wants[i].LineOf(lines)))
	}
	return out
}

func TestNothingIsTransformedWithoutInputs(t *testing.T) {
	t.Parallel()
	if tr, err := NewTransform(nil, nil, nil, []Input{vars("a", 1)}); tr != nil || err != nil {
		t.Errorf("got %v, %v", tr, err)
	}
}

func TestSubstitution(t *testing.T) {
	t.Parallel()
	line, plain := object("ConfigMap", "a-${a}"), object("ConfigMap", "b")
	for name, c := range map[string]struct {
		sub  protocol.Substitution
		from []Input
		want string
	}{
		"of the app":     {protocol.Substitution{Vars: map[string]string{"a": "x"}}, nil, "a-x"},
		"of the cluster": {protocol.Substitution{}, []Input{vars("v", 1, "a", "x")}, "a-x"},
		"the later wins": {protocol.Substitution{}, []Input{vars("v", 1, "a", "x"), vars("w", 1, "a", "y")}, "a-y"},
		"the app's own win": {protocol.Substitution{Vars: map[string]string{"a": "z"}}, []Input{vars("v", 1, "a",
			"x")}, "a-z"},
		"no variables": {protocol.Substitution{}, []Input{vars("v", 0)}, "a-${a}"},
		"always":       {protocol.Substitution{Always: true}, nil, "a-"},
		"of others":    {protocol.Substitution{}, []Input{vars("v", 1, "b", "x")}, "a-"},
	} {
		p := mustRead(t, source(plain, line), substitution(t, c.sub, c.from...))
		equal(t, name, applied(t, p), []string{plain, object("ConfigMap", c.want)})
		equal(t, name, p.Wants[1].Ref.Name, c.want)
		equal(t, name+": raw size", p.size, int64(len(plain)+len(line)+2))
	}
}

func TestSubstitutionFails(t *testing.T) {
	t.Parallel()
	strict := substitution(t, protocol.Substitution{Strict: true}, vars("v", 1, "b", "x"))
	_, err := Read(t.Context(), source(object("ConfigMap", "b"), object("Pod", "ns/p", "a", "${a}")), strict)
	if err == nil || !strings.HasPrefix(err.Error(), "Pod/ns/p: ") {
		t.Errorf("got %v", err)
	}
	_, err = Read(t.Context(), source(object("ConfigMap", "b"), `{"x":"${a}"}`), strict)
	if err == nil || !strings.HasPrefix(err.Error(), "object 2 of the app: ") {
		t.Errorf("got %v", err)
	}
	bad := vars("v", 1, "not-a-name", "x")
	if _, err := NewTransform(nil, nil, &protocol.Substitution{}, []Input{bad}); err == nil {
		t.Error("a name that cannot be a variable is accepted")
	}
	if _, err := NewTransform(nil, nil, &protocol.Substitution{Strict: true}, []Input{bad}); err != nil {
		t.Errorf("strict: %v", err)
	}
}

func TestPlanKnowsItsInputs(t *testing.T) {
	t.Parallel()
	a, b := vars("a", 3, "a", "x"), vars("b", 0)
	tr, err := NewTransform(decrypts("x"), &keys, &protocol.Substitution{}, []Input{a, b})
	if err != nil {
		t.Fatal(err)
	}
	p := mustRead(t, source(object("ConfigMap", "c")), tr)
	got := map[protocol.VarsRef]uint64{}
	for ref, version := range p.Inputs() {
		got[ref] = version
	}
	equal(t, "inputs", got, map[protocol.VarsRef]uint64{a.Ref: 3, b.Ref: 0, keys.Ref: 5})
	equal(t, "version", p.InputVersion(a.Ref), 3)
}

// The sum of a line is stored in the cluster, where more people may read it than the Secret with the variables. It
// depends on which variables there are, and not on their values.
func TestSumTellsNothingOfVariables(t *testing.T) {
	t.Parallel()
	line, plain := object("ConfigMap", "a", "pin", "${pin}"), object("ConfigMap", "b")
	sums := func(sub protocol.Substitution, from ...Input) [2]agent.Sum {
		p := mustRead(t, source(line, plain), substitution(t, sub, from...))
		return [2]agent.Sum{p.Wants[0].Line, p.Wants[1].Line}
	}
	one, other := sums(protocol.Substitution{}, vars("v", 7, "pin", "1111")), sums(protocol.Substitution{},
		vars("v", 7, "pin", "2222"))
	equal(t, "sums of different values", one, other)
	equal(t, "the sum of a line without variables", one[1], agent.SumOf([]byte(plain)))
	for name, guess := range map[string]string{"the line": line, "the applied line": object("ConfigMap", "a",
		"pin", "1111")} {
		if one[0] == agent.SumOf([]byte(guess)) {
			t.Errorf("the sum is that of %s", name)
		}
	}
	for name, s := range map[string][2]agent.Sum{
		"another version": sums(protocol.Substitution{}, vars("v", 8, "pin", "1111")),
		"another spec":    sums(protocol.Substitution{Strict: true}, vars("v", 7, "pin", "1111")),
		"two objects":     sums(protocol.Substitution{}, vars("v", 7), vars("w", 7, "pin", "1111")),
	} {
		if s[0] == one[0] {
			t.Errorf("%s has the same sum", name)
		}
		equal(t, name+": the line without variables", s[1], one[1])
	}
}

func TestWhatWasDecryptedIsSubstitutedAsASecret(t *testing.T) {
	t.Parallel()
	encrypted := object("ConfigMap", "c", "a", ciphertext)
	both := func(plugins agent.PluginHost, sub protocol.Substitution) *Transform {
		tr, err := NewTransform(plugins, &keys, &sub, []Input{vars("v", 1, "a", "x")})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	p := mustRead(t, source(encrypted), both(decrypts("${a}"), protocol.Substitution{}))
	if got := applied(t, p)[0]; !strings.Contains(got, `"a":"x"`) {
		t.Errorf("got %s", got)
	}
	for plugins, says := range map[agent.PluginHost]string{decrypts("${pw}"): "part of a secret",
		decrypts(ciphertext): "pw"} {
		line := object("ConfigMap", "c", "a", ciphertext, "b", "${pw}")
		if plugins == decrypts("${pw}") {
			line = encrypted
		}
		_, err := Read(t.Context(), source(line), both(plugins, protocol.Substitution{Strict: true}))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

func TestTransformedLinesHaveALimit(t *testing.T) {
	t.Parallel()
	tr := substitution(t, protocol.Substitution{}, vars("v", 1, "a", strings.Repeat("x", 1000)))
	text := []byte(object("ConfigMap", "a", "a", "${a}"))
	size := len(text) - len("${a}") + 1000
	for limit, want := range map[int]int{2*size + 2: 2, 2*size + 1: 1, size + 1: 1, size: 0, 0: 0} {
		b, n := lineBuilder{transform: tr, limit: limit}, 0
		var err error
		for ; n < 2 && err == nil; n++ {
			if _, err = b.next(t.Context(), text); err != nil {
				n--
			}
		}
		equal(t, "lines that fit", n, want)
		if (err != nil) != (want < 2) || err != nil && !strings.HasPrefix(err.Error(), "ConfigMap//a: ") &&
			!strings.HasPrefix(err.Error(), "ConfigMap/a: ") {
			t.Errorf("limit %d: got %v", limit, err)
		}
	}
	if b := (lineBuilder{limit: 0}); true { // the lines of the blob are as large as the bundle says
		if _, err := b.next(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
}

func TestOpaqueValuesArePutIn(t *testing.T) {
	t.Parallel()
	later, optional := vars("w", 2, "a", "later.net"), vars("o", 0)
	optional.Ref.Optional = true
	of := func(refs ...protocol.VarsRef) []protocol.Opaque {
		return []protocol.Opaque{{Token: "zq1", Key: "a", From: refs}}
	}
	first := vars("v", 1, "a", "first.net", "odd", "x: y", "number", "8080")
	line, plain := object("ConfigMap", "x", "host", "app.zq1 ${a}"), object("ConfigMap", "y")
	filled := func(of []protocol.Opaque, inputs ...Input) *Transform {
		t.Helper()
		tr, err := (*Transform)(nil).WithOpaque(of, inputs)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	one := mustRead(t, source(plain, line), filled(of(first.Ref), first))
	equal(t, "one object", applied(t, one), []string{plain, object("ConfigMap", "x", "host", "app.first.net ${a}")})
	two := mustRead(t, source(plain, line), filled(of(first.Ref, later.Ref, optional.Ref), first, later,
		Input{Ref: vars("o", 0).Ref}))
	equal(t, "a later one", applied(t, two), []string{plain, object("ConfigMap", "x", "host", "app.later.net ${a}")})

	// The sum follows from the versions of the objects that values come from, and not from the values.
	again := mustRead(t, source(plain, line), filled(of(first.Ref), vars("v", 1, "a", "second.net")))
	newer := mustRead(t, source(plain, line), filled(of(first.Ref), vars("v", 2, "a", "first.net")))
	equal(t, "the sum of what has no token", one.Wants[0].Line, newer.Wants[0].Line)
	equal(t, "the sum at one version", one.Wants[1].Line, again.Wants[1].Line)
	if one.Wants[1].Line == newer.Wants[1].Line {
		t.Error("another version has the same sum")
	}

	for template, want := range map[string]string{"${a/./-}-tls": "first-net-tls", "${none:-dflt}": "dflt",
		"${a%.net}": "first"} {
		name, _, _ := strings.Cut(strings.TrimPrefix(template, "${"), template[strings.IndexAny(template, "/:%"):])
		o := []protocol.Opaque{{Token: "zq1", Key: name, Template: template, From: []protocol.VarsRef{first.Ref}}}
		equal(t, template, applied(t, mustRead(t, source(object("ConfigMap", "x", "host", "zq1")), filled(o, first))),
			[]string{object("ConfigMap", "x", "host", want)})
	}

	digest := strings.Repeat("a", 64)
	marked := append(of(first.Ref), protocol.Opaque{Token: digest, Digest: true})
	sums := applied(t, mustRead(t, source(object("Pod", "n/x", "sum", digest)), filled(marked, first)))
	other := applied(t, mustRead(t, source(object("Pod", "n/x", "sum", digest)), filled(marked, vars("v", 1, "a",
		"second.net"))))
	if strings.Contains(sums[0], digest) || sums[0] == other[0] || len(sums[0]) != len(other[0]) {
		t.Errorf("digests became %s and %s", sums, other)
	}

	for key, want := range map[string]string{"odd": "odd of the ConfigMap home/v cannot be put into what the chart made",
		"number": "may not read as a number", "none": "none, which the chart is given, is in none of [ConfigMap home/v]"} {
		_, err := (*Transform)(nil).WithOpaque([]protocol.Opaque{{Token: "zq1", Key: key,
			From: []protocol.VarsRef{first.Ref}}}, []Input{first})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "8080") ||
			strings.Contains(err.Error(), "x: y") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
