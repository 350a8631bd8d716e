package process

import (
	"encoding/gob"
	"fmt"
	"os"
	"strings"
	"testing"
)

const greeting = "hello 1\n"

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) < 2:
	case os.Args[1] == "echo":
		fmt.Print(greeting)
		var text string
		in, out := gob.NewDecoder(os.Stdin), gob.NewEncoder(os.Stdout)
		for in.Decode(&text) == nil {
			_ = out.Encode(text + os.Getenv("HOME"))
		}
		return
	case os.Args[1] == "stranger":
		fmt.Fprintln(os.Stderr, strings.Repeat("x", 5000))
		fmt.Print("usage: …")
		return
	}
	os.Exit(m.Run())
}

func TestAProcessAnswersWithoutTheEnvironment(t *testing.T) {
	t.Parallel()
	p, err := Start([]string{os.Args[0], "echo"}, greeting)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		var got string
		if err := p.Send.Encode(text); err != nil {
			t.Fatal(err)
		}
		if err := p.Recv.Decode(&got); err != nil || got != text {
			t.Errorf("the answer to %q is %q, %v", text, got, err)
		}
	}
	p.End()
	if err := p.Recv.Decode(new(string)); err == nil {
		t.Error("it answers after its end")
	}
	if p.Said() != "" {
		t.Errorf("it said %q", p.Said())
	}
}

func TestAProcessThatIsKilledAnswersNoMore(t *testing.T) {
	t.Parallel()
	p, err := Start([]string{os.Args[0], "echo"}, greeting)
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := p.Recv.Decode(new(string)); err == nil {
		t.Error("it answers")
	}
	p.End()
}

func TestAStrangerIsFoundOut(t *testing.T) {
	t.Parallel()
	_, err := Start([]string{os.Args[0], "stranger"}, greeting)
	if err == nil || !strings.Contains(err.Error(), "does not greet as one") || !strings.Contains(err.Error(), "xxx") || len(err.Error()) > maxSaid+100 {
		t.Errorf("%v", err)
	}
	if _, err := Start([]string{"/nowhere"}, greeting); err == nil {
		t.Error("a program that is not there was started")
	}
}

func TestFirstLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", "\n a b \nc": "a b ", "one": "one"} {
		if got := FirstLine(text); got != want {
			t.Errorf("the first line of %q is %q, want %q", text, got, want)
		}
	}
}
