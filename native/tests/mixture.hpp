// Members of many shapes, kinds and lengths, as a pack of the native engine mixes them.
#pragma once

#include "example_data.hpp"

namespace profunda::check {

// Form `number` of the mixture; any number has one.
Form mixed_form(int number);

}  // namespace profunda::check
