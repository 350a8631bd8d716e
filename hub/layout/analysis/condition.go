package analysis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxCondition = 4 << 10 // bytes
	maxDepth     = 50      // of parentheses
)

// translate makes CEL of a condition in the language of Argo Rollouts (expr-lang): comparisons, and, or, not, the four
// operations, fields and items of result, len, asInt and asFloat. An error names what else there is in it.
//
// Of an "or" and an "and" the left side counts first, and what cannot be computed there is no answer; in CEL the other
// side would decide. They are written as conditionals for that. Numbers are written with a fraction if decimal, since
// what is measured is never whole for CEL.
func translate(text string, decimal bool) (string, error) {
	if len(text) > maxCondition || !utf8.ValidString(text) {
		return "", fmt.Errorf("a condition of more than %d bytes, or that is no UTF-8", maxCondition)
	}
	tokens, err := tokensOf(text)
	if err != nil {
		return "", err
	}
	p := parser{tokens: tokens, decimal: decimal}
	out, err := p.or()
	if err == nil && p.peek() != "" {
		err = p.unknown()
	}
	return out, err
}

// operators of two characters, before those of one.
var operators = []string{"&&", "||", "<=", ">=", "==", "!="}

// tokensOf takes a condition apart.
func tokensOf(text string) (out []string, err error) {
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimSpace(rest) {
		n := 1
		switch c := rest[0]; {
		case isLetter(c):
			for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
				n++
			}
		case isDigit(c):
			for n < len(rest) && (isDigit(rest[n]) || rest[n] == '.' && n+1 < len(rest) && isDigit(rest[n+1])) {
				n++
			}
			if n < len(rest) && isLetter(rest[n]) {
				return nil, fmt.Errorf("the number %s", rest[:n+1])
			}
		case c == '\'' || c == '"':
			end := strings.IndexByte(rest[1:], c) + 1
			if end < 1 || strings.ContainsAny(rest[1:end], "\\\n") {
				return nil, errors.New("a text with a \\ in it, or without its end")
			}
			n = end + 1
		case strings.IndexByte("<>!()[].+-*/,", c) >= 0:
			if len(rest) > 1 && (strings.HasPrefix(rest, "**") || strings.HasPrefix(rest, "..")) {
				return nil, fmt.Errorf("%s", rest[:2])
			}
			for _, o := range operators {
				if strings.HasPrefix(rest, o) {
					n = 2
				}
			}
		default: // && and the like, or what the parser does not know
			if _, n = utf8.DecodeRuneInString(rest); slices.ContainsFunc(operators, func(o string) bool {
				return strings.HasPrefix(rest, o)
			}) {
				n = 2
			}
		}
		out, rest = append(out, rest[:n]), rest[n:]
	}
	return out, nil
}

func isLetter(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// parser goes through the tokens of a condition by precedence, the weakest operator first.
type parser struct {
	tokens  []string
	decimal bool
	depth   int
}

// peek is the next token; "" at the end.
func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

// take takes the next token if it is one of some.
func (p *parser) take(any ...string) (token string, is bool) {
	for _, t := range any {
		if p.peek() == t && t != "" {
			p.tokens = p.tokens[1:]
			return t, true
		}
	}
	return "", false
}

func (p *parser) unknown() error {
	if p.peek() == "" {
		return errors.New("an end where something is to follow")
	}
	return fmt.Errorf("%.40s", p.peek())
}

func (p *parser) or() (string, error) {
	left, err := p.and()
	for err == nil {
		if _, is := p.take("||", "or"); !is {
			break
		}
		var right string
		right, err = p.and()
		left = "(" + left + " ? true : " + right + ")"
	}
	return left, err
}

func (p *parser) and() (string, error) {
	left, err := p.compare()
	for err == nil {
		if _, is := p.take("&&", "and"); !is {
			break
		}
		var right string
		right, err = p.compare()
		left = "(" + left + " ? " + right + " : false)"
	}
	return left, err
}

// compare takes one comparison at most: what a second one means differs.
func (p *parser) compare() (string, error) {
	left, err := p.sum()
	if o, is := p.take("<=", ">=", "==", "!=", "<", ">"); err == nil && is {
		var right string
		right, err = p.sum()
		left = left + " " + o + " " + right
		if next := p.peek(); err == nil && strings.Contains(" <= >= == != < > ", " "+next+" ") && next != "" {
			err = fmt.Errorf("%s after another comparison", next)
		}
	}
	return left, err
}

func (p *parser) sum() (string, error)     { return p.chain(p.product, "+", "-") }
func (p *parser) product() (string, error) { return p.chain(p.unary, "*", "/") }

func (p *parser) chain(part func() (string, error), operators ...string) (string, error) {
	left, err := part()
	for err == nil {
		o, is := p.take(operators...)
		if !is {
			break
		}
		var right string
		right, err = part()
		left += " " + o + " " + right
	}
	return left, err
}

func (p *parser) unary() (string, error) {
	if p.depth++; p.depth > maxDepth {
		return "", errors.New("more parentheses within each other than can be followed")
	}
	defer func() { p.depth-- }()
	if o, is := p.take("!", "not", "-"); is {
		of, err := p.unary()
		if o == "not" {
			o = "!"
		}
		return o + of, err
	}
	return p.primary()
}

// functions are those of Argo Rollouts and expr-lang that CEL has by another name.
var functions = map[string]string{"len": "size", "asInt": "int", "asFloat": "double"}

func (p *parser) primary() (string, error) {
	token := p.peek()
	if token == "" {
		return "", p.unknown()
	}
	p.tokens = p.tokens[1:]
	switch {
	case token == "(":
		in, err := p.or()
		if _, is := p.take(")"); err == nil && !is {
			err = p.unknown()
		}
		return p.postfix("("+in+")", err)
	case isDigit(token[0]):
		if p.decimal && !strings.Contains(token, ".") {
			token += ".0"
		}
		return token, nil
	case token[0] == '\'' || token[0] == '"', token == "true", token == "false":
		return token, nil
	case token == "result":
		return p.postfix(token, nil)
	case functions[token] != "" && p.peek() == "(":
		p.tokens = p.tokens[1:]
		in, err := p.or()
		if _, is := p.take(")"); err == nil && !is {
			err = p.unknown()
		}
		return functions[token] + "(" + in + ")", err
	}
	return "", fmt.Errorf("%.40s", token)
}

// postfix takes fields and items.
func (p *parser) postfix(of string, err error) (string, error) {
	for err == nil {
		if _, is := p.take("."); is {
			name := p.peek()
			if name == "" || !isLetter(name[0]) {
				return "", p.unknown()
			}
			p.tokens = p.tokens[1:]
			if p.peek() == "(" {
				return "", fmt.Errorf("%.40s()", name)
			}
			of += "." + name
			continue
		}
		if _, is := p.take("["); !is {
			break
		}
		at := p.peek()
		if at == "" || !isDigit(at[0]) && at[0] != '\'' && at[0] != '"' || strings.Contains(at, ".") && isDigit(at[0]) {
			return "", p.unknown()
		}
		p.tokens = p.tokens[1:]
		if _, is := p.take("]"); !is {
			return "", p.unknown()
		}
		of += "[" + at + "]"
	}
	return of, err
}
