// SPDX-License-Identifier: Apache-2.0

package words

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCount(t *testing.T) {
	cases := []struct {
		name string
		text string
		want map[string]int
	}{
		{"nothing", "", map[string]int{}},
		{"only separators", " ,.\n\t--\n", map[string]int{}},
		{"case is folded", "Task task TASK", map[string]int{"task": 3}},
		{"punctuation separates", "one,two;one", map[string]int{"one": 2, "two": 1}},
		{"the last line needs no newline", "one\ntwo", map[string]int{"one": 1, "two": 1}},
		{"letters beyond ASCII", "Öl öl", map[string]int{"öl": 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Count(strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("Count(%q) = %v, want %v", c.text, got, c.want)
			}
		})
	}
}

func TestCountReportsAFailedRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	if _, err := Count(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("Count returned error %v, want %v", err, broken)
	}
}

func TestRank(t *testing.T) {
	got := Rank(map[string]int{"b": 2, "c": 5, "a": 2})
	want := []Entry{{"c", 5}, {"a", 2}, {"b", 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Rank = %v, want %v", got, want)
	}
}

// TestOnDemandFailure fails when asked to, so that a pipeline can be seen to handle a red test.
func TestOnDemandFailure(t *testing.T) {
	if os.Getenv("MAKE_TESTS_FAIL") == "true" {
		t.Fatal("this test fails because MAKE_TESTS_FAIL is true")
	}
}
