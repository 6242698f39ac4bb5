parameters { real k; }
model { k ~ lognormal(0,1); }
