package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Prefix begins the names of the variables that override settings:
// QUORATE_EPP_LISTEN overrides listen in [epp]. Lists are separated by commas.
// Peers can't be overridden: they are many values, not one.
const Prefix = "QUORATE_"

// Setting is one setting of the file.
type Setting struct {
	Key      string // as in the file: epp.listen
	Variable string // QUORATE_EPP_LISTEN
	value    reflect.Value
}

// Settings are all settings that a variable can override, in the file's order.
func Settings(c *Config) []Setting { return settings(reflect.ValueOf(c).Elem(), "") }

func settings(v reflect.Value, table string) (all []Setting) {
	for i := range v.NumField() {
		f := v.Field(i)
		key := table + v.Type().Field(i).Tag.Get("toml")
		switch {
		case f.Kind() == reflect.Struct:
			all = append(all, settings(f, key+".")...)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
		default:
			name := Prefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
			all = append(all, Setting{key, name, f})
		}
	}
	return all
}

func override(c *Config, environ []string) error {
	vars := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	for _, s := range Settings(c) {
		text, ok := vars[s.Variable]
		if !ok {
			continue
		}
		if err := s.set(text); err != nil {
			return fmt.Errorf("%s=%q: %w", s.Variable, text, err)
		}
	}
	return nil
}

func (s Setting) set(text string) (err error) {
	if u, ok := s.value.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch s.value.Kind() {
	case reflect.String:
		s.value.SetString(text)
	case reflect.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		s.value.SetBool(b)
	case reflect.Int:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		s.value.SetInt(n)
	case reflect.Uint64:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 64)
		s.value.SetUint(n)
	case reflect.Slice:
		var items []string
		if text != "" {
			items = strings.Split(text, ",")
		}
		s.value.Set(reflect.ValueOf(items))
	default:
		err = fmt.Errorf("a %s can't be set from the environment", s.value.Kind())
	}
	return err
}

func joinKey(parts []string) string { return strings.Join(parts, ".") }
