print("restage")
