// Package unified writes how two texts differ, line by line, as `diff -u` does. It is pure.
//
// It may import the standard library.
package unified

import (
	"fmt"
	"strings"
)

// around is how many lines that are the same are written around those that differ.
const around = 3

// maxCells bounds the table in which the longest common lines are looked for. Texts that would need a larger one differ
// as a whole between their common beginning and end.
const maxCells = 4_000_000

// line is a line of a comparison: in both texts (' '), in the first ('-') or in the second ('+').
type line struct {
	mark byte
	text string
}

// Diff gives the hunks in which two texts differ; "" if they are the same.
func Diff(before, after string) string {
	lines := compare(split(before), split(after))
	var out strings.Builder
	for begin := 0; begin < len(lines); {
		first := begin
		for first < len(lines) && lines[first].mark == ' ' {
			first++
		}
		if first == len(lines) {
			break
		}
		from := max(begin, first-around)
		end := endOf(lines, first)
		hunk(&out, lines, from, end)
		begin = end
	}
	return out.String()
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// endOf is where the hunk ends in which a line differs: after so many lines that are the same, unless others differ
// soon.
func endOf(lines []line, first int) int {
	end, same := first+1, 0
	for i := first + 1; i < len(lines) && same <= 2*around; i++ {
		if lines[i].mark == ' ' {
			same++
			continue
		}
		end, same = i+1, 0
	}
	return min(len(lines), end+around)
}

// hunk writes lines with their numbers in both texts.
func hunk(out *strings.Builder, lines []line, from, end int) {
	var before, after, skippedBefore, skippedAfter int
	for i, l := range lines[:end] {
		b, a := &before, &after
		if i < from {
			b, a = &skippedBefore, &skippedAfter
		}
		if l.mark != '+' {
			*b++
		}
		if l.mark != '-' {
			*a++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(skippedBefore, before), span(skippedAfter, after))
	for _, l := range lines[from:end] {
		out.WriteByte(l.mark)
		out.WriteString(l.text)
		out.WriteByte('\n')
	}
}

// span is where lines are, as `diff -u` writes it.
func span(skipped, n int) string {
	if n == 0 {
		return fmt.Sprintf("%d,0", skipped)
	}
	if n == 1 {
		return fmt.Sprint(skipped + 1)
	}
	return fmt.Sprintf("%d,%d", skipped+1, n)
}

// compare puts the lines of two texts in one row.
func compare(before, after []string) (out []line) {
	head := 0
	for head < min(len(before), len(after)) && before[head] == after[head] {
		out = append(out, line{' ', before[head]})
		head++
	}
	before, after = before[head:], after[head:]
	tail := 0
	for tail < min(len(before), len(after)) && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	same := before[len(before)-tail:]
	before, after = before[:len(before)-tail], after[:len(after)-tail]
	if (len(before)+1)*(len(after)+1) > maxCells {
		out = append(append(out, marked('-', before)...), marked('+', after)...)
	} else {
		out = append(out, between(before, after)...)
	}
	return append(out, marked(' ', same)...)
}

func marked(mark byte, texts []string) []line {
	out := make([]line, len(texts))
	for i, t := range texts {
		out[i] = line{mark, t}
	}
	return out
}

// between finds the longest common lines.
func between(before, after []string) (out []line) {
	width := len(after) + 1
	common := make([]int32, (len(before)+1)*width) // of what follows each place
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			if before[i] == after[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		switch {
		case before[i] == after[j]:
			out = append(out, line{' ', before[i]})
			i, j = i+1, j+1
		case common[(i+1)*width+j] >= common[i*width+j+1]:
			out = append(out, line{'-', before[i]})
			i++
		default:
			out = append(out, line{'+', after[j]})
			j++
		}
	}
	return append(append(out, marked('-', before[i:])...), marked('+', after[j:])...)
}
