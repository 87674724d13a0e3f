package lib.kubernetes.quantities_test

import data.lib.kubernetes.quantities

test_quantities_are_numbers if {
	every text, expected in {
		"500m": 0.5, "1": 1, "0.5": 0.5, ".5": 0.5, "5.": 5, "+2": 2, "007": 7, "0": 0, "1k": 1000, "1Ki": 1024,
		"1.5Gi": 1610612736, "1E": 1000000000000000000, "1e3": 1000, "1E3": 1000, "2e-1": 0.2, "100u": 0.0001,
	} {
		quantities.number(text) == expected
	}
	quantities.number(2) == 2
}

test_what_is_no_quantity_is_null if {
	every value in ["", "1 Gi", "Gi", "1KI", "1mi", "-1", ".", "1e", "1e333", "a", null, true, [], {}] {
		quantities.number(value) == null
	}
}

test_a_share_is_a_number_or_a_percentage if {
	quantities.share(2, 10) == 2
	quantities.share("25%", 8) == 2
	quantities.share("0%", 8) == 0
	quantities.share("100%", 3) == 3
	every value in ["25", "-1%", "%", "1.5%", null, true, [], {}] {
		quantities.share(value, 10) == null
	}
}
