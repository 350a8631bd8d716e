package expr

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// unfit says that a value cannot be converted, without quoting it.
func unfit(v any, to string) error {
	return fmt.Errorf("a %s that is no %s", typeOf(v), to)
}

func toBool(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case bool:
		return v, nil
	case string:
		if is, err := strconv.ParseBool(v); err == nil {
			return is, nil
		}
	}
	return nil, unfit(a[0], "bool")
}

func toInt(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case int64:
		return v, nil
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
		return nil, errRange
	case float64:
		if v > math.MinInt64 && v < math.MaxInt64 {
			return int64(v), nil
		}
		return nil, errRange
	case string:
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return n, nil
		}
	case time.Time:
		return v.Unix(), nil
	case time.Duration:
		return int64(v), nil
	}
	return nil, unfit(a[0], "int")
}

func toUint(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case uint64:
		return v, nil
	case int64:
		if v >= 0 {
			return uint64(v), nil
		}
		return nil, errRange
	case float64:
		if v >= 0 && v < math.MaxUint64 {
			return uint64(v), nil
		}
		return nil, errRange
	case string:
		if n, err := strconv.ParseUint(v, 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, unfit(a[0], "uint")
}

func toDouble(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case float64:
		return v, nil
	case int64:
		return float64(v), nil
	case uint64:
		return float64(v), nil
	case string:
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			return n, nil
		}
	}
	return nil, unfit(a[0], "double")
}

func toString(e *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		return fmt.Sprintf("%g", v), nil
	case []byte:
		e.spend(len(v) / bytesPerStep)
		if utf8.Valid(v) {
			return string(v), nil
		}
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case time.Duration:
		return strconv.FormatFloat(v.Seconds(), 'f', -1, 64) + "s", nil
	}
	return nil, unfit(a[0], "string")
}

func toBytes(e *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case []byte:
		return v, nil
	case string:
		e.spend(len(v) / bytesPerStep)
		return []byte(v), nil
	}
	return nil, unfit(a[0], "bytes")
}

func toTimestamp(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case time.Time:
		return v, nil
	case int64:
		return inTime(time.Unix(v, 0).UTC())
	case string:
		var t time.Time
		if t.UnmarshalText([]byte(v)) == nil {
			return inTime(t)
		}
	}
	return nil, unfit(a[0], "timestamp")
}

func toDuration(_ *evaluation, a []any) (any, error) {
	switch v := a[0].(type) {
	case time.Duration:
		return v, nil
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			return d, nil
		}
	}
	return nil, unfit(a[0], "duration")
}
