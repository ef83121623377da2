package registry

import "fmt"

// Time is an instant of log time: milliseconds since 1970-01-01T00:00Z. The
// standard library's time package is kept out of fsm so that nobody can ask it
// what time it is here.
type Time int64

// Durations in the unit of Time.
const (
	Millisecond Time = 1
	Second           = 1000 * Millisecond
	Minute           = 60 * Second
	Hour             = 60 * Minute
	Day              = 24 * Hour
)

// AddMonths is the same day and time of day n months on; where that month is
// shorter, its last day: 29 February plus a year is 28 February.
func (t Time) AddMonths(n int) Time {
	days, rest := floorDiv(int64(t), int64(Day))
	y, m, d := civil(days)
	months := y*12 + int64(m-1) + int64(n)
	y, rem := floorDiv(months, 12)
	m = int(rem) + 1
	return Time(daysSinceEpoch(y, m, min(d, monthLength(y, m)))*int64(Day) + rest)
}

// Date is the calendar date of t in UTC.
func (t Time) Date() (year int64, month, day int) {
	days, _ := floorDiv(int64(t), int64(Day))
	return civil(days)
}

// DateOf is midnight UTC of a calendar date.
func DateOf(year int64, month, day int) Time {
	return Time(daysSinceEpoch(year, month, day) * int64(Day))
}

// String is t in RFC 3339 with milliseconds, UTC.
func (t Time) String() string {
	days, ms := floorDiv(int64(t), int64(Day))
	y, m, d := civil(days)
	return fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m, d,
		ms/int64(Hour), ms/int64(Minute)%60, ms/int64(Second)%60, ms%1000)
}

func floorDiv(a, b int64) (quotient, remainder int64) {
	q, r := a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

// The calendar counts years from 1 March, so that the leap day is the last of
// its year, in eras of 400 years, which are all of one length.
const (
	daysPerEra     = 146097
	daysToEpoch    = 719468 // from 0000-03-01 to 1970-01-01
	daysPer4Years  = 1460
	daysPerCentury = 36524
)

func civil(days int64) (year int64, month, day int) {
	era, doe := floorDiv(days+daysToEpoch, daysPerEra)
	yoe := (doe - doe/daysPer4Years + doe/daysPerCentury - doe/(daysPerEra-1)) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	fromMarch := (5*doy + 2) / 153
	day = int(doy - (153*fromMarch+2)/5 + 1)
	month = int((fromMarch+2)%12) + 1
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, day
}

func daysSinceEpoch(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era, yoe := floorDiv(year, 400)
	fromMarch := int64((month + 9) % 12)
	doy := (153*fromMarch+2)/5 + int64(day) - 1
	return era*daysPerEra + yoe*365 + yoe/4 - yoe/100 + doy - daysToEpoch
}

func monthLength(year int64, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}
