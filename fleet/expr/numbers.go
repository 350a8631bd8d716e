package expr

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

var (
	errRange = errors.New("the result is out of range")
	errZero  = errors.New("division by zero")
)

func negate(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case int64:
		if v == math.MinInt64 {
			return nil, errRange
		}
		return -v, nil
	case float64:
		return -v, nil
	}
	return nil, errType
}

func add(e *evaluation, a []any) (any, error) {
	switch x := a[0].(type) {
	case string:
		if y, ok := a[1].(string); ok {
			e.spend((len(x) + len(y)) / bytesPerStep)
			return x + y, nil
		}
	case []byte:
		if y, ok := a[1].([]byte); ok {
			e.spend((len(x) + len(y)) / bytesPerStep)
			return slices.Concat(x, y), nil
		}
	case []any:
		if y, ok := a[1].([]any); ok {
			e.spend(len(x) + len(y))
			return slices.Concat(x, y), nil
		}
	case time.Time, time.Duration:
		return addTime(x, a[1])
	}
	return arithmetic("+", a)
}

func subtract(_ *evaluation, a []any) (any, error) {
	switch a[0].(type) {
	case time.Time, time.Duration:
		return subtractTime(a[0], a[1])
	}
	return arithmetic("-", a)
}

func multiply(_ *evaluation, a []any) (any, error) { return arithmetic("*", a) }

func divide(_ *evaluation, a []any) (any, error) { return arithmetic("/", a) }

func remainder(_ *evaluation, a []any) (any, error) { return arithmetic("%", a) }

// arithmetic calculates with two numbers of one type.
func arithmetic(op string, a []any) (any, error) {
	switch x := a[0].(type) {
	case int64:
		if y, ok := a[1].(int64); ok {
			return integers(op, x, y)
		}
	case uint64:
		if y, ok := a[1].(uint64); ok {
			return naturals(op, x, y)
		}
	case float64:
		if y, ok := a[1].(float64); ok {
			return doubles(op, x, y)
		}
	}
	return nil, fmt.Errorf("%s of a %s and a %s: %w", op, typeOf(a[0]), typeOf(a[1]), errType)
}

func integers(op string, x, y int64) (any, error) {
	switch op {
	case "+":
		if z := x + y; (z > x) == (y > 0) {
			return z, nil
		}
		return nil, errRange
	case "-":
		if z := x - y; (z < x) == (y > 0) {
			return z, nil
		}
		return nil, errRange
	case "*":
		z := x * y
		if x != 0 && (z/x != y || x == -1 && y == math.MinInt64) {
			return nil, errRange
		}
		return z, nil
	}
	switch {
	case y == 0:
		return nil, errZero
	case y == -1 && x == math.MinInt64:
		return nil, errRange
	case op == "/":
		return x / y, nil
	}
	return x % y, nil
}

func naturals(op string, x, y uint64) (any, error) {
	switch op {
	case "+":
		if z := x + y; z >= x {
			return z, nil
		}
		return nil, errRange
	case "-":
		if y <= x {
			return x - y, nil
		}
		return nil, errRange
	case "*":
		if z := x * y; x == 0 || z/x == y {
			return z, nil
		}
		return nil, errRange
	}
	switch {
	case y == 0:
		return nil, errZero
	case op == "/":
		return x / y, nil
	}
	return x % y, nil
}

func doubles(op string, x, y float64) (any, error) {
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	}
	return nil, fmt.Errorf("%% of doubles: %w", errType)
}
