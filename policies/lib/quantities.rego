# Quantities and shares as the Kubernetes API writes them, compared as numbers.
package lib.kubernetes.quantities

# The number a quantity means: 0.5 for "500m", 1048576 for "1Mi"; null where it is none.
# Source: k8s.io/apimachinery, pkg/api/resource, "Quantity".
number(value) := value if {
	is_number(value)
} else := (_decimal(parts[0][1]) * _factor(parts[0][2])) / _divisor(parts[0][2]) if {
	is_string(value)
	parts := regex.find_all_string_submatch_n(_quantity, value, 1)
	count(parts) == 1
} else := null

# How many of `total` the number or percentage `value` is; null where it is neither.
share(value, total) := {"number": value, "percent": (_percent(value) * total) / 100, "none": null}[_form(value)]

_form(value) := "number" if {
	is_number(value)
} else := "percent" if {
	_percent(value) >= 0
} else := "none"

# The digits of "25%"; -1 for what is no percentage, so that it is never undefined.
_percent(value) := _decimal(trim_suffix(value, "%")) if {
	is_string(value)
	regex.match(`^[0-9]{1,9}%$`, value)
} else := -1

# Bounded: a number of a thousand digits is no quantity that anybody means.
_quantity := `^\+?([0-9]{1,18}\.?[0-9]{0,18}|\.[0-9]{1,18})(|[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})$`

_decimal(text) := to_number(text) if {
	regex.match(`^[1-9][0-9]*$`, text) # nearly always
} else := _digits(split(text, ".")[0]) + _fraction(text)

_fraction(text) := to_number(sprintf("0.%s0", [split(text, ".")[1]])) if {
	contains(text, ".")
} else := 0

_digits(text) := to_number(significant) if {
	significant := trim_left(text, "0")
	significant != ""
} else := 0

_factor(suffix) := _factors[suffix] if {
	_factors[suffix]
} else := 1 if {
	_divisors[suffix]
} else := to_number(sprintf("1%s", [lower(suffix)]))

# Dividing is exact where multiplying by 0.001 is not.
_divisor(suffix) := object.get(_divisors, suffix, 1)

_divisors := {"n": 1000000000, "u": 1000000, "m": 1000}

_factors := {
	"": 1,
	"k": 1000,
	"M": 1000000,
	"G": 1000000000,
	"T": 1000000000000,
	"P": 1000000000000000,
	"E": 1000000000000000000,
	"Ki": 1024,
	"Mi": 1048576,
	"Gi": 1073741824,
	"Ti": 1099511627776,
	"Pi": 1125899906842624,
	"Ei": 1152921504606846976,
}
