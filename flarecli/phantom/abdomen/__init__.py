"""The other abdominal organs: digestive tract, gallbladder, urinary tract."""
